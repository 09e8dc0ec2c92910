// The gate between operations and the cut: an operation belongs whole to one batch.
//
// Operations that change something hold a Pass for as long as they note records and append needles; the cut closes the
// gate, waits until nobody is inside, and opens it again. A waiting cut goes before new operations, so it is never
// starved. Order: the gate before any inode lock; never wait for a device or a commit inside.
#pragma once

#include <cstdint>

#include "base/mutex.h"

namespace ciaos::engine {

class Gate {
 public:
  class Pass {
   public:
    explicit Pass(Gate& gate) : gate_(gate) { gate_.enter(); }
    ~Pass() { gate_.leave(); }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

   private:
    Gate& gate_;
  };

  class Closed {
   public:
    explicit Closed(Gate& gate) : gate_(gate) { gate_.close(); }
    ~Closed() { gate_.reopen(); }
    Closed(const Closed&) = delete;
    Closed& operator=(const Closed&) = delete;

   private:
    Gate& gate_;
  };

 private:
  void enter() {
    MutexLock lock(mutex_);
    while (closed_) opened_.wait(mutex_);
    ++inside_;
  }
  void leave() {
    MutexLock lock(mutex_);
    if (--inside_ == 0 && closed_) emptied_.notify_one();
  }
  void close() {
    MutexLock lock(mutex_);
    while (closed_) opened_.wait(mutex_);
    closed_ = true;
    while (inside_ != 0) emptied_.wait(mutex_);
  }
  void reopen() {
    MutexLock lock(mutex_);
    closed_ = false;
    opened_.notify_all();
  }

  Mutex mutex_;
  CondVar opened_;
  CondVar emptied_;
  std::uint64_t inside_ GUARDED_BY(mutex_) = 0;
  bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace ciaos::engine
