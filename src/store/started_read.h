// A run of a device's bytes that is on its way, or here, and that nobody need wait for.
//
//   made ---> under way ---> ended: whole, or not (and whoever wants the bytes reads them himself, and hears of what is wrong)
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/mutex.h"
#include "base/read_starter.h"
#include "store/device.h"
#include "store/read_memory.h"
#include "store/read_ring.h"

namespace ciaos::store {

// Thread-safe behind start().
class StartedRead final : public ReadEnd, public std::enable_shared_from_this<StartedRead> {
 public:
  // Of a device from `begin` on: `bytes`, which may be none, to `buffer`, and what is behind them to `rest`, all of it aligned as
  // the device wants it. `memory` and what `rest` is of outlive the read.
  StartedRead(std::shared_ptr<Device> device, std::uint64_t begin, std::size_t bytes, IoBuffer buffer,
              ReadMemory& memory, MutableByteSpan rest = {});
  ~StartedRead() override;

  // By what the calling thread runs for that. False: it runs nothing, or that has no room, and nothing is under way.
  bool start_here();
  // By `ring`, which outlives it. False: it has no room, and nothing is under way.
  bool start(ReadRing& ring);
  void ended(int result) override EXCLUDES(mutex_);

  bool is_under_way() const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);  // whoever it was told to has been told by then
    return result_.load(std::memory_order_acquire) == kUnderWay;
  }
  // `listener` hears of its end, and lives until then. False: it has ended.
  bool tell(ReadStarter& listener) EXCLUDES(mutex_);
  // Whether what the calling thread runs for reads has this one.
  bool is_of_this_thread() const { return starter_ != nullptr && starter_ == ReadStarter::of_this_thread(); }
  // Whether anybody may block until it ends. What a thread has begun by itself ends only when that thread goes on, and it may be
  // waiting for whoever would wait.
  bool may_be_waited_for() const { return starter_ == nullptr; }
  // Blocks. REQUIRES: may_be_waited_for().
  void wait();
  // Of one that has ended.
  bool is_whole() const {
    return result_.load(std::memory_order_acquire) == static_cast<int>(bytes_ + rest_.size());
  }
  std::uint64_t begin() const { return begin_; }
  std::uint64_t end() const { return begin_ + bytes_ + rest_.size(); }
  // What was read from there on, as far as it lies in one piece. REQUIRES: begin() <= position < end().
  ByteSpan from(std::uint64_t position) const;
  std::uint64_t begun_ns() const { return begun_ns_; }  // of the monotonic clock
  // Of one that has ended: from its start.
  std::uint64_t nanoseconds() const { return ended_ns_ - begun_ns_; }

 private:
  bool start_by(ReadStarter& starter);

  static constexpr int kUnderWay = std::numeric_limits<int>::min();

  // --- constant behind start() ---
  const std::uint64_t begin_;
  const std::size_t bytes_;
  ReadMemory& memory_;
  IoBuffer buffer_;  // the kernel's while it is under way
  const MutableByteSpan rest_;
  std::array<iovec, 2> parts_{};  // those of them that are not empty
  std::uint64_t begun_ns_ = 0;
  const ReadStarter* starter_ = nullptr;  // the thread's, only compared; null: it was a ReadRing

  // --- while it is under way ---
  std::shared_ptr<StartedRead> itself_;
  std::shared_ptr<Device> device_;  // not longer: bytes that lie here for a while keep no volume's file open

  std::uint64_t ended_ns_ = 0;
  std::atomic<int> result_{kUnderWay};
  mutable Mutex mutex_;  // a leaf but for hear()
  std::vector<ReadStarter*> listeners_ GUARDED_BY(mutex_);
};

}  // namespace ciaos::store
