// How far something long has come: one line on standard error that is written over, at most some times a second.
#pragma once

#include <cstdint>
#include <string>

namespace ciaos::ctl {

// Not thread-safe.
class Progress {
 public:
  // Not `shown`: nothing is written.
  Progress(bool shown, std::string what) : shown_(shown), what_(std::move(what)) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(const std::string& text);
  // A bar, where the end is known.
  void show(std::uint64_t done, std::uint64_t whole, const std::string& text);
  // Before something else is written.
  void clear();

 private:
  bool due();

  const bool shown_;
  const std::string what_;
  std::uint64_t shown_ns_ = 0;
  bool drawn_ = false;
};

// "[=====     ]  50%". `whole` 0 counts as done.
std::string bar_text(std::uint64_t done, std::uint64_t whole);

}  // namespace ciaos::ctl
