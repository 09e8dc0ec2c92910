#include "store/started_read.h"

#include <utility>

#include "base/assert.h"
#include "base/clock.h"

namespace ciaos::store {

StartedRead::StartedRead(std::shared_ptr<Device> device, std::uint64_t begin, std::size_t bytes,
                         IoBuffer buffer, ReadMemory& memory)
    : device_(std::move(device)), begin_(begin), bytes_(bytes), memory_(memory), buffer_(std::move(buffer)) {
  CIAOS_ASSERT(bytes_ <= buffer_.size());
}

StartedRead::~StartedRead() { memory_.give(std::move(buffer_)); }

bool StartedRead::start(ReadRing& ring) {
  const RingRead read{device_->native_fd(), device_->native_offset() + begin_, buffer_.span().first(bytes_)};
  begun_ns_ = monotonic_ns();
  itself_ = shared_from_this();
  ReadStarter* const starter = ReadStarter::of_this_thread();
  starter_ = starter;
  if (starter != nullptr && starter->start(read, *this)) return true;
  starter_ = nullptr;
  ring_ = &ring;
  if (ring.start(read, *this)) return true;
  itself_.reset();
  return false;
}

void StartedRead::ended(int result) {
  const std::shared_ptr<StartedRead> itself = std::move(itself_);
  ended_ns_ = monotonic_ns();
  result_.store(result, std::memory_order_release);
  result_.notify_all();
}

void StartedRead::wait() {
  CIAOS_ASSERT(may_wait());
  if (ring_ != nullptr) return ring_->wait_until([this] { return !is_under_way(); });
  result_.wait(kUnderWay, std::memory_order_acquire);
}

}  // namespace ciaos::store
