// Reads that one thread begins and another waits for, or nobody.
//
// One io_uring for all threads. No thread sleeps for it: whoever waits for a read takes in what has come, for everybody, and
// who comes meanwhile waits for him.
#pragma once

#include <functional>
#include <memory>

#include "base/mutex.h"
#include "base/read_starter.h"

namespace ciaos::store {

// Thread-safe.
class ReadRing final : public ReadStarter {
 public:
  ReadRing();
  // Waits for the reads that are under way.
  ~ReadRing() override;

  bool start(const RingRead& read, ReadEnd& end) override EXCLUDES(mutex_);
  // Returns when `ended()`, which becomes true by some read of this ring having ended.
  void wait_until(const std::function<bool()>& ended) EXCLUDES(mutex_);
  // Hears of what has ended by now.
  void look() EXCLUDES(mutex_);

 private:
  struct Ring;

  // True: this thread is to wait for the kernel.
  bool lead_until(const std::function<bool()>& ended) EXCLUDES(mutex_);
  void wait_for_one() EXCLUDES(mutex_);
  void take_in() REQUIRES(mutex_);

  Mutex mutex_;
  CondVar came_;
  std::unique_ptr<Ring> ring_ GUARDED_BY(mutex_);  // made when there is something to read; see start()
  bool refused_ GUARDED_BY(mutex_) = false;        // the kernel gives us none
  bool led_ GUARDED_BY(mutex_) = false;
  unsigned under_way_ GUARDED_BY(mutex_) = 0;
};

}  // namespace ciaos::store
