// Time as the engine sees it; tests pass one that they move by hand.
#pragma once

#include <compare>
#include <cstdint>

namespace ciaos {

// A POSIX time: nanoseconds in [0, 1e9), seconds of any sign.
struct Timestamp {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
  auto operator<=>(const Timestamp&) const = default;
};

class Clock {
 public:
  virtual ~Clock() = default;
  // Wall clock, for inode times. May jump.
  virtual Timestamp now() = 0;
  // Milliseconds that only grow, for intervals.
  virtual std::uint64_t monotonic_ms() = 0;
};

// How long something took, for counters alone: nothing is decided by it, so no test turns it by hand.
std::uint64_t monotonic_ns();

// CLOCK_REALTIME and CLOCK_MONOTONIC.
class SystemClock final : public Clock {
 public:
  Timestamp now() override;
  std::uint64_t monotonic_ms() override;
};

}  // namespace ciaos
