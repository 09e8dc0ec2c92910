#include "store/started_read.h"

#include <utility>

#include "base/assert.h"
#include "base/clock.h"

namespace ciaos::store {

StartedRead::StartedRead(std::shared_ptr<Device> device, std::uint64_t begin, std::size_t bytes,
                         IoBuffer buffer, ReadMemory& memory, MutableByteSpan rest)
    : begin_(begin),
      bytes_(bytes),
      memory_(memory),
      buffer_(std::move(buffer)),
      rest_(rest),
      device_(std::move(device)) {
  CIAOS_ASSERT(bytes_ <= buffer_.size());
  parts_ = {iovec{buffer_.data(), bytes_}, iovec{rest_.data(), rest_.size()}};
}

StartedRead::~StartedRead() {
  if (buffer_.size() > 0) memory_.give(std::move(buffer_));
}

ByteSpan StartedRead::from(std::uint64_t position) const {
  const std::uint64_t at = position - begin_;
  return at < bytes_ ? ByteSpan(buffer_.span()).first(bytes_).subspan(at)
                     : ByteSpan(rest_).subspan(at - bytes_);
}

bool StartedRead::start_here() {
  starter_ = ReadStarter::of_this_thread();
  return starter_ != nullptr && start_by(*ReadStarter::of_this_thread());
}

bool StartedRead::start(ReadRing& ring) {
  starter_ = nullptr;
  return start_by(ring);
}

bool StartedRead::start_by(ReadStarter& starter) {
  std::span<const iovec> parts = parts_;
  if (rest_.empty()) parts = parts.first(1);
  if (bytes_ == 0) parts = parts.last(1);
  const RingRead read{device_->native_fd(), device_->native_offset() + begin_, parts};
  begun_ns_ = monotonic_ns();
  itself_ = shared_from_this();
  if (starter.start(read, *this)) return true;
  itself_.reset();
  return false;
}

void StartedRead::ended(int result) {
  const std::shared_ptr<StartedRead> itself = std::move(itself_);
  device_.reset();
  ended_ns_ = monotonic_ns();
  {
    MutexLock lock(mutex_);
    result_.store(result, std::memory_order_release);
    for (ReadStarter* const listener : listeners_) listener->hear();
  }
  result_.notify_all();
}

bool StartedRead::tell(ReadStarter& listener) {
  MutexLock lock(mutex_);
  if (result_.load(std::memory_order_acquire) != kUnderWay) return false;
  listeners_.push_back(&listener);
  return true;
}

void StartedRead::wait() {
  CIAOS_ASSERT(may_be_waited_for());
  result_.wait(kUnderWay, std::memory_order_acquire);
}

}  // namespace ciaos::store
