// How a start ended, told to whoever waits for it: once, as "ready" or as a failure.
//
//   shell        parent                          child
//     |  start     |  fork                         |
//     |----------->|------------------------------>|  opens the store, mounts, serves
//     |            |     one byte and a sentence   |
//     |            |<------------------------------|  ready() or failed()
//     |  exit code |                               |
//     |<-----------|                               |  goes on without a terminal
#pragma once

#include <atomic>
#include <functional>

#include "base/unique_fd.h"
#include "daemon/failure.h"

namespace ciaos::daemon {

// Thread-safe: only the first call has an effect.
class Announcement {
 public:
  // Without a pipe: failures go to standard error.
  Announcement() = default;
  explicit Announcement(UniqueFd pipe) : pipe_(std::move(pipe)) {}

  // Lets the terminal go, if there is a pipe.
  void ready();
  void failed(const Failure& failure);

 private:
  UniqueFd pipe_;
  std::atomic<bool> made_{false};
};

using Serve = std::function<ExitCode(Announcement&)>;

ExitCode in_foreground(const Serve& serve);
// Forks; so call it before there are threads. In the parent it returns when the start has ended, in the child when
// `serve` has.
ExitCode in_background(const Serve& serve);

}  // namespace ciaos::daemon
