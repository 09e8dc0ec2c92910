// A ReadStarter that keeps what it is given until it is told how that ends.
#pragma once

#include <sys/uio.h>

#include <utility>
#include <vector>

#include "base/read_starter.h"

namespace ciaos::test {

class HeldReads final : public ReadStarter {
 public:
  bool start(const RingRead& read, ReadEnd& end) override {
    if (refuses) return false;
    held_.emplace_back(read, &end);
    return true;
  }
  void hear() override { ++heard; }
  // As the kernel would, or with less.
  void end_all(std::size_t bytes_less = 0) {
    for (const auto& [read, end] : std::exchange(held_, {})) {
      std::vector<iovec> parts(read.parts.begin(), read.parts.end());
      parts.back().iov_len -= bytes_less;
      const ssize_t count =
          ::preadv(read.fd, parts.data(), static_cast<int>(parts.size()), static_cast<off_t>(read.offset));
      end->ended(static_cast<int>(count));
    }
  }
  void fail_all(int error) {
    for (const auto& [read, end] : std::exchange(held_, {})) end->ended(-error);
  }
  std::size_t count() const { return held_.size(); }

  bool refuses = false;
  int heard = 0;

 private:
  std::vector<std::pair<RingRead, ReadEnd*>> held_;
};

}  // namespace ciaos::test
