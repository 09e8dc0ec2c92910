// An io_uring that carries commands to a driver, and reads of devices, as one thread sees it. The interface lies here
// because those who speak to a driver (src/fuse) and those who own the library (src/store) do not know each other.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "base/bytes.h"
#include "base/read_starter.h"
#include "base/result.h"

namespace ciaos {

struct RingCommand {  // IORING_OP_URING_CMD
  int fd = -1;
  std::uint32_t operation = 0;
  std::array<std::byte, 80> body{};
  const void* address = nullptr;
  std::uint32_t length = 0;
};

struct RingCompletion {
  std::uint64_t tag = 0;
  int result = 0;  // as the kernel says: a count, or an errno below zero
};

// For one thread, but for wake().
class CommandRing {
 public:
  static constexpr std::uint64_t kWoken = ~std::uint64_t{0};  // the tag of a wake()

  virtual ~CommandRing() = default;
  // By the thread that will use it, before anything else.
  virtual void begin() = 0;
  // Both are handed to the kernel by the next wait(). What they point to stays until their completion.
  virtual void submit(const RingCommand& command, std::uint64_t tag) = 0;
  virtual void submit(const RingRead& read, std::uint64_t tag) = 0;
  // Hands over now what was submitted.
  virtual void hand_over() = 0;
  // Blocks until there is a completion, and returns as many as there are and `into` takes; 0 after an interruption.
  virtual std::size_t wait(std::span<RingCompletion> into) = 0;
  // Whether wait() would return at once, by what the kernel has told so far.
  virtual bool has_completions() = 0;
  // From any thread: wait() returns, now or when it is called. Several may become one.
  virtual void wake() = 0;
};

// `entries`: how many completions may be outstanding. ENOSYS, EPERM, ENOMEM: there is no such ring here.
using CommandRingMaker = std::function<Result<std::unique_ptr<CommandRing>>(unsigned entries)>;

}  // namespace ciaos
