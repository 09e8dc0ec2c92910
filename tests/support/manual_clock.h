// Time that stands still until a test moves it.
#pragma once

#include <atomic>

#include "base/clock.h"

namespace ciaos::test {

// Thread-safe.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(std::int64_t seconds = 1'700'000'000)
      : nanoseconds_(seconds * kNanosecondsPerSecond) {}

  Timestamp now() override {
    const std::int64_t now = nanoseconds_.load();
    return {now / kNanosecondsPerSecond + jumped_seconds_.load(),
            static_cast<std::uint32_t>(now % kNanosecondsPerSecond)};
  }
  std::uint64_t monotonic_ms() override {
    return static_cast<std::uint64_t>(nanoseconds_.load()) / 1'000'000;
  }

  void advance_ms(std::int64_t milliseconds) { nanoseconds_ += milliseconds * 1'000'000; }
  // Somebody sets the wall clock, forwards or back; intervals do not notice.
  void jump_seconds(std::int64_t seconds) { jumped_seconds_ += seconds; }

 private:
  static constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
  std::atomic<std::int64_t> nanoseconds_;
  std::atomic<std::int64_t> jumped_seconds_ = 0;
};

}  // namespace ciaos::test
