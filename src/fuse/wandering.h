// Who asks and is moved to another processor by each answer.
//
// An answer wakes who asked, and the scheduler puts him on an idle processor if there is one, since the one that he asked on
// is busy with answering. That one has to be woken from its sleep, which takes longer than all the rest of a short request, and
// the next request comes from there. Whether that happens goes by how much else is running: doc/performance.md has what it
// costs. So it is found out by who asks where. It is for one who asks alone: several have all processors busy, and an answer
// that waits for its thread is waited for by others.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

namespace ciaos::fuse {

// Where threads have asked lately, for all queues. Thread-safe; two threads with one place are taken for one that is new.
class LastQueues {
 public:
  // Notes a request of `thread` in `queue`. Whether its last one was in another one.
  bool note(std::uint32_t thread, unsigned queue) {
    std::atomic<std::uint64_t>& place = places_[thread % places_.size()];
    const std::uint64_t now = std::uint64_t{thread} << 32 | queue;
    const std::uint64_t before = place.load(std::memory_order_relaxed);
    if (before == now) return false;
    place.store(now, std::memory_order_relaxed);
    return before >> 32 == thread;
  }

 private:
  std::array<std::atomic<std::uint64_t>, 256> places_{};
};

// Of one queue: whether answers are to be given so that who asked stays.
class Wandering {
 public:
  // A request of `thread`, whose last one was in another queue or not.
  void note(std::uint32_t thread, bool moved) {
    if (thread != last_) {
      last_ = thread;
      level_ = held_ = 0;
    }
    if (rest_ > 0) {
      --rest_;
      return;
    }
    level_ = moved ? level_ + kMoved : level_ - std::min(level_, 1u);
    if (level_ < kMany) return;
    level_ = 0;
    held_ = kHeld;
  }
  // For the next answer. What holds everybody for a while hides whether it is still needed, so it ends by itself.
  bool hold() {
    if (held_ == 0) return false;
    --held_;
    return true;
  }

  // How long an answer that was given so kept its thread: longer than a short request takes him who asks, and others want the
  // processor, who would keep it again.
  void kept(std::uint64_t nanoseconds) {
    if (nanoseconds < kLongNs) return;
    held_ = 0;
    rest_ = kRest;
  }

 private:
  static constexpr std::uint64_t kLongNs = 1'000'000;
  static constexpr unsigned kRest = 4096;  // requests
  static constexpr unsigned kMoved = 4;    // one of five requests is too many
  static constexpr unsigned kMany = 12;
  static constexpr unsigned kHeld = 256;
  std::uint32_t last_ = 0;
  unsigned level_ = 0;
  unsigned held_ = 0;
  unsigned rest_ = 0;
};

}  // namespace ciaos::fuse
