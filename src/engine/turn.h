// One at a time, without holding a mutex meanwhile: for work that commits and reads devices.
#pragma once

#include "base/mutex.h"

namespace ciaos::engine {

class Turn {
 public:
  void wait() {
    MutexLock lock(mutex_);
    while (taken_) free_.wait(mutex_);
    taken_ = true;
  }
  bool try_take() {
    MutexLock lock(mutex_);
    if (taken_) return false;
    taken_ = true;
    return true;
  }
  void end() {
    MutexLock lock(mutex_);
    taken_ = false;
    free_.notify_one();
  }

 private:
  Mutex mutex_;
  CondVar free_;
  bool taken_ GUARDED_BY(mutex_) = false;
};

}  // namespace ciaos::engine
