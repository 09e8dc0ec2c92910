#include "store/command_ring.h"

#include <liburing.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/assert.h"
#include "base/unique_fd.h"

namespace ciaos::store {
namespace {

class UringCommandRing final : public CommandRing {
 public:
  ~UringCommandRing() override {
    if (made_) ::io_uring_queue_exit(&ring_);
  }

  Status make(unsigned entries) {
    wakes_ = UniqueFd(::eventfd(0, EFD_CLOEXEC));
    if (!wakes_.valid()) return fail(errno, "eventfd");
    io_uring_params params{};
    // One thread submits and reaps: completions then run in its own wait, and nothing interrupts it for them.
    params.flags = IORING_SETUP_SQE128 | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                   IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_R_DISABLED;
    const int error = ::io_uring_queue_init_params(entries + 1, &ring_, &params);
    if (error < 0) return fail(-error, "io_uring_setup");
    made_ = true;
    return {};
  }

  void begin() override {
    // Debian 12's liburing declares a function for this and has none.
    const long result =
        ::syscall(__NR_io_uring_register, ring_.ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
    CIAOS_ASSERT(result == 0);
    listen();
  }

  void submit(const RingCommand& command, std::uint64_t tag) override {
    io_uring_sqe* const sqe = next();
    std::memset(sqe, 0, 2 * sizeof *sqe);
    sqe->opcode = IORING_OP_URING_CMD;
    sqe->fd = command.fd;
    sqe->cmd_op = command.operation;
    sqe->addr = reinterpret_cast<std::uint64_t>(command.address);
    sqe->len = command.length;
    sqe->user_data = tag;
    std::memcpy(sqe->cmd, command.body.data(), command.body.size());
  }

  void submit(const RingRead& read, std::uint64_t tag) override {
    io_uring_sqe* const sqe = next();
    const iovec& first = read.parts.front();
    if (read.parts.size() == 1)
      ::io_uring_prep_read(sqe, read.fd, first.iov_base, static_cast<unsigned>(first.iov_len), read.offset);
    else
      ::io_uring_prep_readv(sqe, read.fd, &first, static_cast<unsigned>(read.parts.size()), read.offset);
    sqe->user_data = tag;
  }

  void hand_over() override { (void)::io_uring_submit(&ring_); }

  std::size_t wait(std::span<RingCompletion> into) override {
    const int submitted = ::io_uring_submit_and_wait(&ring_, 1);
    CIAOS_ASSERT(submitted >= 0 || submitted == -EINTR || submitted == -EAGAIN || submitted == -EBUSY);
    std::size_t count = 0;
    io_uring_cqe* cqe = nullptr;
    while (count < into.size() && ::io_uring_peek_cqe(&ring_, &cqe) == 0) {
      into[count++] = {cqe->user_data, cqe->res};
      const bool woken = cqe->user_data == kWoken;
      ::io_uring_cqe_seen(&ring_, cqe);
      if (woken) listen();
    }
    return count;
  }

  // What has ended becomes a completion only in wait().
  bool has_completions() override {
    return ::io_uring_cq_ready(&ring_) > 0 || (IO_URING_READ_ONCE(*ring_.sq.kflags) & IORING_SQ_TASKRUN) != 0;
  }

  void wake() override {
    const std::uint64_t one = 1;
    // It fails only for a counter that is full, and then somebody is being woken already.
    [[maybe_unused]] const ssize_t put = ::write(wakes_.get(), &one, sizeof one);
  }

 private:
  void listen() {
    io_uring_sqe* const sqe = next();
    ::io_uring_prep_read(sqe, wakes_.get(), &wake_count_, sizeof wake_count_, 0);
    sqe->user_data = kWoken;
  }

  io_uring_sqe* next() {
    io_uring_sqe* sqe = ::io_uring_get_sqe(&ring_);
    if (sqe == nullptr) {
      ::io_uring_submit(&ring_);
      sqe = ::io_uring_get_sqe(&ring_);
    }
    CIAOS_ASSERT(sqe != nullptr);
    return sqe;
  }

  io_uring ring_{};
  bool made_ = false;
  UniqueFd wakes_;
  std::uint64_t wake_count_ = 0;
};

}  // namespace

Result<std::unique_ptr<CommandRing>> make_command_ring(unsigned entries) {
  auto ring = std::make_unique<UringCommandRing>();
  TRY_VOID(ring->make(entries));
  return std::unique_ptr<CommandRing>(std::move(ring));
}

}  // namespace ciaos::store
