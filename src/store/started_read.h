// A run of a device's bytes that is on its way, or here, and that nobody need wait for.
//
//   made ---> under way ---> ended: whole, or not (and whoever wants the bytes reads them himself, and hears of what is wrong)
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>

#include "base/bytes.h"
#include "base/read_starter.h"
#include "store/device.h"
#include "store/read_memory.h"
#include "store/read_ring.h"

namespace ciaos::store {

// Thread-safe behind start().
class StartedRead final : public ReadEnd, public std::enable_shared_from_this<StartedRead> {
 public:
  // Of [begin, begin + bytes) of the device, aligned as that wants it. `memory` outlives the read.
  StartedRead(std::shared_ptr<Device> device, std::uint64_t begin, std::size_t bytes, IoBuffer buffer,
              ReadMemory& memory);
  ~StartedRead() override;

  // By what the calling thread runs for that, or else by `ring`, which outlives it. False: neither could, and nothing is
  // under way.
  bool start(ReadRing& ring);
  void ended(int result) override;

  bool is_under_way() const { return result_.load(std::memory_order_acquire) == kUnderWay; }
  // Whether what the calling thread runs for reads has this one.
  bool is_of_this_thread() const { return starter_ != nullptr && starter_ == ReadStarter::of_this_thread(); }
  // Two threads that run reads must not wait for each other's.
  bool may_wait() const { return starter_ == nullptr || ReadStarter::of_this_thread() == nullptr; }
  // Blocks. REQUIRES: may_wait().
  void wait();

  // Of one that has ended.
  bool is_whole() const { return result_.load(std::memory_order_acquire) == static_cast<int>(bytes_); }
  std::uint64_t begin() const { return begin_; }
  std::uint64_t end() const { return begin_ + bytes_; }
  ByteSpan bytes() const { return buffer_.span().first(bytes_); }
  // From start() to the end.
  std::uint64_t nanoseconds() const { return ended_ns_ - begun_ns_; }

 private:
  static constexpr int kUnderWay = std::numeric_limits<int>::min();

  // --- constant behind start() ---
  const std::shared_ptr<Device> device_;
  const std::uint64_t begin_;
  const std::size_t bytes_;
  ReadMemory& memory_;
  IoBuffer buffer_;  // the kernel's while it is under way
  std::uint64_t begun_ns_ = 0;
  const ReadStarter* starter_ = nullptr;  // the thread's; only compared
  ReadRing* ring_ = nullptr;              // or that of all

  std::shared_ptr<StartedRead> itself_;  // while it is under way
  std::uint64_t ended_ns_ = 0;
  std::atomic<int> result_{kUnderWay};
};

}  // namespace ciaos::store
