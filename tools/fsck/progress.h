// How far a check is: lines for a program that asked with -C, or a bar on a terminal. Also where a check hears that it
// was asked to stop.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "base/result.h"

namespace ciaos::fsck {

// Not thread-safe, but for the flag it was given.
class Progress {
 public:
  enum class Style { none, lines, bar };
  // lines: "pass current maximum device", as e2fsck writes them and systemd-fsck reads them, to `fd`.
  // `cancelled`, if given, is set by a signal handler.
  Progress(Style style, int fd, std::string device, const std::atomic<bool>* cancelled)
      : style_(style), fd_(fd), device_(std::move(device)), cancelled_(cancelled) {}
  Progress() : Progress(Style::none, -1, {}, nullptr) {}
  // Shows nothing, and hears the same flag.
  Progress silent() const { return {Style::none, -1, {}, cancelled_}; }

  void begin(int pass, std::uint64_t maximum);
  // ECANCELED when somebody asked to stop.
  Status step(std::uint64_t done);
  // The pass is through; a bar makes room for what is printed next.
  void end();

 private:
  void show();

  Style style_;
  int fd_;
  std::string device_;
  const std::atomic<bool>* cancelled_;
  int pass_ = 0;
  std::uint64_t current_ = 0;
  std::uint64_t maximum_ = 1;
  std::uint64_t shown_permille_ = 0;
};

}  // namespace ciaos::fsck
