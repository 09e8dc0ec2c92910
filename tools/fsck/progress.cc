#include "tools/fsck/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace ciaos::fsck {
namespace {

constexpr std::uint64_t kBarColumns = 40;

// Nobody is told if nobody listens: a closed pipe is no reason to stop checking.
void write_all(int fd, const std::string& text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const ssize_t count = ::write(fd, text.data() + at, text.size() - at);
    if (count <= 0) return;
    at += static_cast<std::size_t>(count);
  }
}

}  // namespace

void Progress::begin(int pass, std::uint64_t maximum) {
  pass_ = pass;
  current_ = 0;
  maximum_ = std::max<std::uint64_t>(maximum, 1);
  shown_permille_ = 0;
  show();
}

Status Progress::step(std::uint64_t done) {
  if (cancelled_ != nullptr && cancelled_->load()) return fail(ECANCELED, "stopped by a signal");
  current_ = std::min(current_ + done, maximum_);
  const auto permille = static_cast<std::uint64_t>(1000.0L * current_ / maximum_);
  if (permille != shown_permille_) {
    shown_permille_ = permille;
    show();
  }
  return {};
}

void Progress::end() {
  current_ = maximum_;
  show();
  if (style_ == Style::bar) write_all(fd_, "\r\x1b[K");
}

void Progress::show() {
  if (style_ == Style::lines) {
    write_all(fd_, fmt::format("{} {} {} {}\n", pass_, current_, maximum_, device_));
  } else if (style_ == Style::bar) {
    const auto filled = static_cast<std::size_t>(kBarColumns * 1.0L * current_ / maximum_);
    write_all(fd_, fmt::format("\rpass {} [{}{}] {:3}%", pass_, std::string(filled, '='),
                               std::string(kBarColumns - filled, ' '),
                               static_cast<int>(100.0L * current_ / maximum_)));
  }
}

}  // namespace ciaos::fsck
