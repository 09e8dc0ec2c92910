// The gate between operations and the cut: an operation belongs whole to one batch.
//
// Operations that change something hold a Pass for as long as they note records and append needles; the cut closes the
// gate, waits until nobody is inside, and opens it again. A waiting cut goes before new operations, so it is never
// starved. Order: the gate before any inode lock; never wait for a commit inside, nor for a device, but when a txn needle
// begins a volume that has to be made first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/mutex.h"

namespace ciaos::engine {

class Gate {
 public:
  class Pass {
   public:
    explicit Pass(Gate& gate) : gate_(&gate) { gate_->enter(); }
    Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)), bytes_(other.bytes_) {}
    ~Pass() {
      if (gate_ != nullptr) gate_->leave(bytes_);
    }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;
    Pass& operator=(Pass&&) = delete;

   private:
    friend class Gate;
    Pass(Gate& gate, std::size_t bytes) : gate_(&gate), bytes_(bytes) {}
    Gate* gate_;
    std::size_t bytes_ = 0;
  };

  // A pass for an operation that notes at most so many bytes of records, if they fit into the open batch beside what
  // noted() says is in it and what everybody inside may still note. REQUIRES: bytes <= bytes_max.
  template <typename Noted>
  std::optional<Pass> enter_within(std::size_t bytes, std::size_t bytes_max, const Noted& noted) {
    MutexLock lock(mutex_);
    while (true) {
      while (closed_) opened_.wait(mutex_);
      const std::size_t in_batch = noted();
      if (in_batch + inside_bytes_ + bytes <= bytes_max) break;
      if (in_batch > 0 || inside_ == 0) return std::nullopt;
      left_.wait(mutex_);  // nothing that a commit would take away is in the way
    }
    ++inside_;
    inside_bytes_ += bytes;
    return Pass(*this, bytes);
  }

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
  void leave(std::size_t bytes) {
    MutexLock lock(mutex_);
    inside_bytes_ -= bytes;
    if (bytes > 0) left_.notify_all();
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
  CondVar left_;
  std::uint64_t inside_ GUARDED_BY(mutex_) = 0;
  std::size_t inside_bytes_ GUARDED_BY(mutex_) = 0;  // of records that those inside may note
  bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace ciaos::engine
