#include "fuse/request_times.h"

#include <linux/fuse.h>

#include <cstring>

#include "base/clock.h"
#include "base/log.h"
#include "fuse/request_counts.h"

namespace ciaos::fuse {
namespace {

// What of an answer are bytes of files or names, and not words about them.
bool answers_with_bytes(std::uint32_t opcode) {
  return opcode == FUSE_READ || opcode == FUSE_READDIR || opcode == FUSE_READDIRPLUS;
}

}  // namespace

TimedRequest TimedRequest::begun(ByteSpan bytes) {
  TimedRequest request;
  fuse_in_header header{};
  if (bytes.size() < sizeof header) return request;
  std::memcpy(&header, bytes.data(), sizeof header);
  request.begun_ns = monotonic_ns();
  request.unique = header.unique;
  request.inode = header.nodeid;
  request.opcode = header.opcode;
  request.pid = header.pid;
  if (header.opcode == FUSE_WRITE && bytes.size() > sizeof header + sizeof(fuse_write_in))
    request.bytes = bytes.size() - sizeof header - sizeof(fuse_write_in);
  return request;
}

void RequestTimes::finished(const TimedRequest& begun, std::uint64_t reply_bytes) {
  if (begun.begun_ns == 0) return;
  TimedRequest request = begun;
  if (answers_with_bytes(request.opcode) && reply_bytes > sizeof(fuse_out_header))
    request.bytes = reply_bytes - sizeof(fuse_out_header);
  const std::uint64_t now_ns = monotonic_ns();
  const std::uint64_t nanoseconds = now_ns - request.begun_ns;
  times_.add(request.opcode, nanoseconds, request.bytes);
  if (now_ns < watched_until_ns_.load(std::memory_order_relaxed)) note_process(request, nanoseconds);
  if (slow_ns_ != 0 && nanoseconds >= slow_ns_) log_slow(request, now_ns, nanoseconds);
}

void RequestTimes::note_process(const TimedRequest& request, std::uint64_t nanoseconds) {
  MutexLock lock(mutex_);
  const bool known = processes_.contains(request.pid) || processes_.size() < kProcessesMax;
  ProcessTotals& totals = processes_[known ? request.pid : 0];
  totals.pid = known ? request.pid : 0;
  ++totals.count;
  totals.nanoseconds += nanoseconds;
  totals.bytes += request.bytes;
}

void RequestTimes::log_slow(const TimedRequest& request, std::uint64_t now_ns, std::uint64_t nanoseconds) {
  {
    MutexLock lock(mutex_);
    const std::uint64_t second = now_ns / 1'000'000'000;
    if (second != slow_second_) slow_lines_ = 0;
    slow_second_ = second;
    if (++slow_lines_ > kSlowLinesPerSecond) return;
  }
  log(LogLevel::warning, "slow: {} of inode {} by process {}, {} bytes: {} ms",
      name_of_request(request.opcode), request.inode, request.pid, request.bytes, nanoseconds / 1'000'000);
}

std::vector<RequestTimes::Kind> RequestTimes::kinds() const {
  std::vector<Kind> kinds;
  for (std::size_t opcode = 0; opcode < OperationTimes::kKindsMax; ++opcode) {
    OperationTotals totals = times_.of(opcode);
    if (totals.count() > 0) kinds.push_back({name_of_request(opcode), totals});
  }
  return kinds;
}

std::vector<ProcessTotals> RequestTimes::take_processes() {
  watched_until_ns_ = monotonic_ns() + kWatchNs;
  std::unordered_map<std::uint32_t, ProcessTotals> taken;
  {
    MutexLock lock(mutex_);
    taken.swap(processes_);
  }
  std::vector<ProcessTotals> totals;
  totals.reserve(taken.size());
  for (const auto& [pid, process] : taken) totals.push_back(process);
  return totals;
}

}  // namespace ciaos::fuse
