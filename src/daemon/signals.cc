#include "daemon/signals.h"

#include <pthread.h>
#include <signal.h>

namespace ciaos::daemon {
namespace {

// The destructor's way to end the wait.
constexpr int kEndSignal = SIGUSR2;

sigset_t our_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, kEndSignal}) sigaddset(&set, signal);
  return set;
}

}  // namespace

SignalThread::SignalThread(std::function<void()> on_stop, std::function<void()> on_drop_caches)
    : on_stop_(std::move(on_stop)), on_drop_caches_(std::move(on_drop_caches)) {
  const sigset_t set = our_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  thread_ = std::thread([this] { wait_for_signals(); });
}

SignalThread::~SignalThread() {
  ending_ = true;
  ::pthread_kill(thread_.native_handle(), kEndSignal);
  thread_.join();
}

void SignalThread::wait_for_signals() {
  const sigset_t set = our_signals();
  while (!ending_) {
    int signal = 0;
    if (::sigwait(&set, &signal) != 0 || signal == kEndSignal) continue;
    if (signal == SIGUSR1) {
      on_drop_caches_();
    } else {
      on_stop_();
    }
  }
}

}  // namespace ciaos::daemon
