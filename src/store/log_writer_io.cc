// The half of the log writer that waits for devices: writing chunks, and making a batch durable.
#include <sys/stat.h>

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "base/clock.h"
#include "store/log_writer.h"

namespace ciaos::store {
namespace {

// Bounds what one round of the background thread holds back from a commit that waits for it.
constexpr std::size_t kBackgroundBytes = 16u << 20;
constexpr std::size_t kZeroRequestBytes = 1u << 20;

// Only files have extents that a first write must convert; memory and block devices gain nothing.
bool has_unwritten_extents(const Device& device) {
  struct stat st {};
  return device.native_fd() >= 0 && ::fstat(device.native_fd(), &st) == 0 && S_ISREG(st.st_mode);
}

ByteSpan zeros() {
  static const IoBuffer buffer(kZeroRequestBytes);
  return buffer.span();
}

IoRequest write_request(Device& device, std::uint64_t offset, ByteSpan from) {
  IoRequest request;
  request.device = &device;
  request.operation = IoRequest::Operation::write;
  request.offset = offset;
  request.from = from;
  return request;
}

}  // namespace

Result<DurableBatch> LogWriter::commit(SealedBatch batch) {
  Status status = write_batch(batch);
  // Everything of the batch has been written by now, whoever wrote it: only such writes does a sync cover.
  if (status.ok()) status = sync_touched(batch);
  MutexLock lock(mutex_);
  committing_ = false;
  if (!status.ok()) {
    remember_failure(status.error());
    return failure_.error();
  }
  ++stats_.commits;
  return DurableBatch(batch.ref());
}

Status LogWriter::write_batch(const SealedBatch& batch) {
  MutexLock lock(mutex_);
  auto zeros_ahead = zeros_for(batch);
  for (;;) {
    if (!failure_.ok()) return failure_;
    const auto ready =
        chunks_.take_ready(batch.last_chunk_, std::numeric_limits<std::size_t>::max(), zeros_under_way_);
    if (!ready.empty() || zeros_ahead.has_value()) {
      write_out(ready, std::exchange(zeros_ahead, std::nullopt));
    } else if (chunks_.all_written(batch.last_chunk_)) {
      return {};
    } else {
      written_.wait(mutex_);
    }
  }
}

std::optional<ZeroWindow::Range> LogWriter::zeros_for(const SealedBatch& batch) {
  if (limits_.zero_window_bytes == 0 || !has_unwritten_extents(*current_.device)) return std::nullopt;
  return zero_window_.extend({current_.volume, current_.generation, tail_}, current_.device->size(),
                             batch.bytes_);
}

void LogWriter::write_out(const std::vector<std::shared_ptr<Chunk>>& chunks,
                          const std::optional<ZeroWindow::Range>& zeros_ahead) {
  std::vector<IoRequest> requests;
  std::uint64_t bytes = 0;
  for (const auto& chunk : chunks) {
    bytes += chunk->write_bytes;
    if (chunk->write_bytes == 0) continue;
    requests.push_back(
        write_request(*chunk->volume.device, chunk->begin, chunk->buffer.span().first(chunk->write_bytes)));
  }
  const std::shared_ptr<Device> current = current_.device;
  if (zeros_ahead.has_value()) {
    zeros_under_way_ = {zeros_ahead->begin, zeros_ahead->end};
    for (std::uint64_t at = zeros_ahead->begin.offset; at < zeros_ahead->end; at += kZeroRequestBytes) {
      const std::size_t count = std::min<std::uint64_t>(kZeroRequestBytes, zeros_ahead->end - at);
      requests.push_back(write_request(*current, at, zeros().first(count)));
      bytes += count;
    }
  }

  mutex_.unlock();
  const Status status = requests.empty() ? Status() : run_all(requests);
  mutex_.lock();

  if (zeros_ahead.has_value()) zeros_under_way_ = {};
  if (status.ok()) {
    for (const auto& chunk : chunks) chunks_.finish(*chunk);
    stats_.bytes_written += bytes;
    written_.notify_all();
    if (chunks_.waiting_bytes() > 0) work_.notify_one();
  } else {
    // What could not be written stays in memory, so that reads are right until the store is closed.
    remember_failure(status.error());
  }
}

Status LogWriter::sync_touched(const SealedBatch& batch) {
  std::vector<IoRequest> requests;
  std::set<std::uint32_t> raw_devices;
  for (const VolumeStart& volume : batch.touched_) {
    const std::uint32_t index = device_of(volume.volume);
    // The slots of a raw device share its one sync.
    const bool raw = volumes_.device(index).kind() == StoreKind::raw;
    if (raw && !raw_devices.insert(index).second) continue;
    IoRequest request;
    request.device = volume.device.get();
    request.operation = IoRequest::Operation::sync;
    requests.push_back(std::move(request));
  }
  const std::uint64_t begun_ns = monotonic_ns();
  Status status = run_all(requests);
  MutexLock lock(mutex_);
  stats_.sync_ns += monotonic_ns() - begun_ns;
  stats_.syncs += requests.size();
  return status;
}

void LogWriter::remember_failure(const Error& error) {
  if (failure_.ok()) failure_ = error;
  written_.notify_all();
  work_.notify_all();
}

void LogWriter::write_in_background() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    std::vector<std::shared_ptr<Chunk>> ready;
    if (failure_.ok()) {
      ready =
          chunks_.take_ready(std::numeric_limits<std::uint64_t>::max(), kBackgroundBytes, zeros_under_way_);
    }
    if (ready.empty()) {
      work_.wait(mutex_);
    } else {
      write_out(ready, std::nullopt);
    }
  }
}

}  // namespace ciaos::store
