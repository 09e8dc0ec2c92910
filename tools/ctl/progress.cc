#include "tools/ctl/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/clock.h"

namespace ciaos::ctl {
namespace {

constexpr std::uint64_t kEveryNs = 100'000'000;
constexpr std::size_t kBarColumns = 30;

}  // namespace

std::string bar_text(std::uint64_t done, std::uint64_t whole) {
  const double part =
      whole == 0 ? 1.0 : static_cast<double>(std::min(done, whole)) / static_cast<double>(whole);
  const auto filled = static_cast<std::size_t>(part * kBarColumns);
  return fmt::format("[{}{}] {:3}%", std::string(filled, '='), std::string(kBarColumns - filled, ' '),
                     static_cast<int>(part * 100));
}

bool Progress::due() {
  if (!shown_) return false;
  const std::uint64_t now = monotonic_ns();
  if (drawn_ && now - shown_ns_ < kEveryNs) return false;
  shown_ns_ = now;
  drawn_ = true;
  return true;
}

void Progress::show(const std::string& text) {
  if (due()) fmt::print(stderr, "\r\x1b[K{}: {}", what_, text);
}

void Progress::show(std::uint64_t done, std::uint64_t whole, const std::string& text) {
  if (due()) fmt::print(stderr, "\r\x1b[K{} {} {}", what_, bar_text(done, whole), text);
}

void Progress::clear() {
  if (drawn_) fmt::print(stderr, "\r\x1b[K");
  drawn_ = false;
}

}  // namespace ciaos::ctl
