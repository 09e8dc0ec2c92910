// Who of many workers takes the next event: as few as there are processors, as long as none of them has to wait.
//
//   parked --take()--> has a turn --about_to_wait()--> works on without --take()--> parked, or has one
//
// A worker that is woken for each event costs two switches of thread, which is more than answering a small GET from memory. So
// whoever is done takes the next event himself, and the others sleep. Whoever is about to wait (for the daemon, a device, a slow
// peer) gives his turn to somebody else first.
#pragma once

#include <cstddef>

#include "base/mutex.h"

namespace ciaos::sidecar {

// Thread-safe; its mutex is a leaf.
class Turns {
 public:
  explicit Turns(std::size_t turns) : left_(turns) {}

  // Before the calling thread looks for work. Does nothing if it has a turn already.
  void take() EXCLUDES(mutex_);
  // Of the calling thread, whatever it is; does nothing without a turn.
  static void about_to_wait();

 private:
  void give() EXCLUDES(mutex_);

  Mutex mutex_;
  CondVar given_;
  std::size_t left_ GUARDED_BY(mutex_);
};

}  // namespace ciaos::sidecar
