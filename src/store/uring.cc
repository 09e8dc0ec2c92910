#include "store/uring.h"

#include <fmt/core.h>
#include <liburing.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include "base/assert.h"
#include "base/bytes.h"

namespace ciaos::store {

namespace {

constexpr unsigned kRingEntries = 64;
// The kernel moves at most 2 GiB less a page at once; a power of two below keeps every piece aligned.
constexpr std::uint64_t kTransferBytesMax = 1ull << 30;

class Ring {
 public:
  Ring() : owner_(::getpid()) {
    io_uring_params params{};
    // One thread submits and reaps: the kernel then runs completions in our own wait and interrupts nobody.
    params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    error_ = -::io_uring_queue_init_params(kRingEntries, &ring_, &params);
    if (error_ == EINVAL) {  // before Linux 6.1
      params = {};
      error_ = -::io_uring_queue_init_params(kRingEntries, &ring_, &params);
    }
  }
  ~Ring() {
    if (error_ == 0) ::io_uring_queue_exit(&ring_);
  }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  int error() const { return error_; }
  pid_t owner() const { return owner_; }
  io_uring* get() { return &ring_; }

  void register_memory(MutableByteSpan memory) {
    if (error_ != 0 || !registered_.empty()) return;
    const iovec range{memory.data(), memory.size()};
    if (::io_uring_register_buffers(&ring_, &range, 1) == 0) registered_ = memory;
  }
  bool is_registered(const std::byte* data, std::uint64_t bytes) const {
    return !registered_.empty() && data >= registered_.data() &&
           data + bytes <= registered_.data() + registered_.size();
  }

 private:
  io_uring ring_{};
  int error_ = 0;
  pid_t owner_;
  MutableByteSpan registered_;
};

Ring& ring_of_this_thread() {
  thread_local std::optional<Ring> ring;
  if (!ring || ring->owner() != ::getpid()) ring.emplace();
  return *ring;
}

unsigned transfer_bytes(const FdStep& step) {
  return static_cast<unsigned>(std::min(step.bytes - step.done, kTransferBytesMax));
}

void prepare(const Ring& ring, io_uring_sqe* sqe, FdStep& step) {
  switch (step.operation) {
    case FdStep::Operation::read:
      if (ring.is_registered(step.data, step.bytes)) {
        ::io_uring_prep_read_fixed(sqe, step.fd, step.data + step.done, transfer_bytes(step),
                                   step.offset + step.done, 0);
        break;
      }
      ::io_uring_prep_read(sqe, step.fd, step.data + step.done, transfer_bytes(step),
                           step.offset + step.done);
      break;
    case FdStep::Operation::write:
      ::io_uring_prep_write(sqe, step.fd, step.data + step.done, transfer_bytes(step),
                            step.offset + step.done);
      break;
    case FdStep::Operation::sync_data: ::io_uring_prep_fsync(sqe, step.fd, IORING_FSYNC_DATASYNC); break;
  }
  ::io_uring_sqe_set_data(sqe, &step);
}

// Takes in what the kernel answered (bytes, or an errno below zero). True when the step has ended.
bool advance(FdStep& step, long answer) {
  // A sync is not asked again after any answer: the second may hide what the first lost.
  if (step.operation == FdStep::Operation::sync_data) {
    step.error = answer < 0 ? static_cast<int>(-answer) : 0;
    return true;
  }
  if (answer == -EINTR || answer == -EAGAIN) return false;
  if (answer < 0) {
    step.error = static_cast<int>(-answer);
    return true;
  }
  const std::uint64_t moved = static_cast<std::uint64_t>(answer);
  if (step.done + moved >= step.bytes) {
    step.done = step.bytes;
    return true;
  }
  const std::uint64_t usable = align_down(moved, step.alignment);
  step.done += usable;
  if (usable == 0) step.error = ENODATA;
  return usable == 0;
}

void run_on_ring(Ring& ring_of_thread, std::span<FdStep> steps) {
  io_uring* const ring = ring_of_thread.get();
  std::vector<FdStep*> waiting;
  waiting.reserve(steps.size());
  for (FdStep& step : steps) waiting.push_back(&step);
  std::reverse(waiting.begin(), waiting.end());

  std::size_t in_flight = 0;
  while (!waiting.empty() || in_flight > 0) {
    while (!waiting.empty() && in_flight < kRingEntries) {
      io_uring_sqe* sqe = ::io_uring_get_sqe(ring);
      if (sqe == nullptr) break;
      prepare(ring_of_thread, sqe, *waiting.back());
      waiting.pop_back();
      ++in_flight;
    }
    // Nothing may leave this loop while the kernel still owns a caller's memory, so errors of the ring itself are
    // either waited out or a mistake of ours.
    const int submitted = ::io_uring_submit_and_wait(ring, 1);
    CIAOS_ASSERT(submitted >= 0 || submitted == -EINTR || submitted == -EAGAIN || submitted == -EBUSY);
    io_uring_cqe* cqe = nullptr;
    while (::io_uring_peek_cqe(ring, &cqe) == 0) {
      FdStep* step = static_cast<FdStep*>(::io_uring_cqe_get_data(cqe));
      const int answer = cqe->res;
      ::io_uring_cqe_seen(ring, cqe);
      --in_flight;
      if (!advance(*step, answer)) waiting.push_back(step);
    }
  }
}

long transfer_now(FdStep& step) {
  const off_t at = static_cast<off_t>(step.offset + step.done);
  switch (step.operation) {
    case FdStep::Operation::read: return ::pread(step.fd, step.data + step.done, transfer_bytes(step), at);
    case FdStep::Operation::write: return ::pwrite(step.fd, step.data + step.done, transfer_bytes(step), at);
    case FdStep::Operation::sync_data: return ::fdatasync(step.fd);
  }
  return -1;
}

}  // namespace

void run_steps_without_ring(std::span<FdStep> steps) {
  for (FdStep& step : steps) {
    long answer = 0;
    do {
      answer = transfer_now(step);
      if (answer < 0) answer = -errno;
    } while (!advance(step, answer));
  }
}

void run_steps(std::span<FdStep> steps) {
  if (steps.empty()) return;
  // The kernel gives a ring's sync to a thread of its own, and two switches are saved by not asking for that.
  if (steps.size() == 1 && steps.front().operation == FdStep::Operation::sync_data)
    return run_steps_without_ring(steps);
  Ring& ring = ring_of_this_thread();
  if (ring.error() == 0) {
    run_on_ring(ring, steps);
  } else {
    run_steps_without_ring(steps);
  }
}

void register_memory(MutableByteSpan memory) { ring_of_this_thread().register_memory(memory); }

std::string ring_unavailable_reason() {
  const int error = ring_of_this_thread().error();
  return error == 0 ? std::string() : fmt::format("io_uring_setup: {}", std::strerror(error));
}

}  // namespace ciaos::store
