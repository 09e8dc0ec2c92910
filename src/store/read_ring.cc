#include "store/read_ring.h"

#include <liburing.h>

#include <cerrno>

#include "base/assert.h"

namespace ciaos::store {
namespace {

constexpr unsigned kReadsMax = 64;

}  // namespace

struct ReadRing::Ring {
  ~Ring() { ::io_uring_queue_exit(&ring); }
  io_uring ring{};
};

ReadRing::ReadRing() = default;

ReadRing::~ReadRing() {
  wait_until([this]() NO_THREAD_SAFETY_ANALYSIS { return under_way_ == 0; });
}

bool ReadRing::start(const RingRead& read, ReadEnd& end) {
  MutexLock lock(mutex_);
  if (ring_ == nullptr) {
    // Not before it is needed: a daemon that goes to the background is another process afterwards.
    if (refused_) return false;
    auto ring = std::make_unique<Ring>();
    refused_ = ::io_uring_queue_init(kReadsMax, &ring->ring, 0) != 0;
    if (refused_) {
      ring.release();  // there is nothing to exit
      return false;
    }
    ring_ = std::move(ring);
  }
  if (under_way_ == kReadsMax && !led_) take_in();
  if (under_way_ == kReadsMax) return false;
  io_uring_sqe* const sqe = ::io_uring_get_sqe(&ring_->ring);
  CIAOS_ASSERT(sqe != nullptr);
  ::io_uring_prep_read(sqe, read.fd, read.into.data(), static_cast<unsigned>(read.into.size()), read.offset);
  ::io_uring_sqe_set_data(sqe, &end);
  ++under_way_;
  // What the kernel does not take now goes with the next one, or with whoever waits.
  (void)::io_uring_submit(&ring_->ring);
  return true;
}

void ReadRing::look() {
  MutexLock lock(mutex_);
  if (ring_ != nullptr && !led_) take_in();
}

void ReadRing::wait_until(const std::function<bool()>& ended) {
  while (lead_until(ended)) wait_for_one();
}

bool ReadRing::lead_until(const std::function<bool()>& ended) {
  MutexLock lock(mutex_);
  while (!ended()) {
    if (!led_) return led_ = true;
    came_.wait(mutex_);
  }
  return false;
}

void ReadRing::wait_for_one() {
  io_uring* ring = nullptr;
  {
    MutexLock lock(mutex_);
    ring = &ring_->ring;
    if (::io_uring_sq_ready(ring) > 0) (void)::io_uring_submit(ring);
  }
  // Only who leads looks at this side of the ring.
  io_uring_cqe* cqe = nullptr;
  const int error = ::io_uring_wait_cqe(ring, &cqe);
  CIAOS_ASSERT(error == 0 || error == -EINTR || error == -EAGAIN);
  MutexLock lock(mutex_);
  led_ = false;
  take_in();
}

void ReadRing::take_in() {
  io_uring_cqe* cqe = nullptr;
  while (::io_uring_peek_cqe(&ring_->ring, &cqe) == 0) {
    auto* const end = static_cast<ReadEnd*>(::io_uring_cqe_get_data(cqe));
    const int result = cqe->res;
    ::io_uring_cqe_seen(&ring_->ring, cqe);
    --under_way_;
    end->ended(result);
  }
  came_.notify_all();
}

}  // namespace ciaos::store
