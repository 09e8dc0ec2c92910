// Signals as calls from a thread of their own, where everything is allowed.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

namespace ciaos::daemon {

// SIGTERM, SIGINT and SIGHUP call `on_stop`, SIGUSR1 calls `on_drop_caches`; one at a time. The constructor blocks them for
// the calling thread and all that it starts from then on, so make it before others. The destructor waits for a call that
// is under way; the signals stay blocked.
class SignalThread {
 public:
  SignalThread(std::function<void()> on_stop, std::function<void()> on_drop_caches);
  ~SignalThread();
  SignalThread(const SignalThread&) = delete;
  SignalThread& operator=(const SignalThread&) = delete;

 private:
  void wait_for_signals();

  const std::function<void()> on_stop_;
  const std::function<void()> on_drop_caches_;
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

}  // namespace ciaos::daemon
