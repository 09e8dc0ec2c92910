// Lets whoever frees a volume wait for the reads that began before (invariant 3).
//
// A read takes a ticket while it still holds the inode's lock, so its plan names needles that were live then. The
// one who frees flips the phase twice and waits for the old one each time: after that every earlier ticket is gone.
// (The idea is SRCU's: McKenney, "Sleepable Read-Copy Update", 2006.)
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "base/mutex.h"

namespace ciaos::engine {

class ReadEpochs {
 public:
  class Ticket {
   public:
    explicit Ticket(ReadEpochs& epochs) : epochs_(epochs), phase_(epochs.phase_.load()) {
      epochs_.readers_[phase_].fetch_add(1);
    }
    ~Ticket() {
      if (epochs_.readers_[phase_].fetch_sub(1) == 1) epochs_.readers_[phase_].notify_all();
    }
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;

   private:
    ReadEpochs& epochs_;
    const std::size_t phase_;
  };

  // Blocks until every ticket that was taken before the call has ended.
  void wait_for_earlier() {
    MutexLock lock(flip_);
    for (int round = 0; round < 2; ++round) {
      const std::size_t old = phase_.load();
      phase_.store(1 - old);
      for (std::uint64_t left = readers_[old].load(); left != 0; left = readers_[old].load()) {
        readers_[old].wait(left);
      }
    }
  }

 private:
  std::array<std::atomic<std::uint64_t>, 2> readers_{};
  std::atomic<std::size_t> phase_{0};
  Mutex flip_;
};

}  // namespace ciaos::engine
