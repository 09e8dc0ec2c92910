// What a service of Type=notify tells the service manager that started it (sd_notify(3)): that it is ready, that it ends, that
// it is alive. Nothing is said where nobody has asked, that is without NOTIFY_SOCKET in the environment.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "base/mutex.h"

namespace ciaos {

class ServiceManager {
 public:
  struct Request {
    std::string socket;             // NOTIFY_SOCKET: a path, or @ and an abstract name; empty: nobody listens
    std::uint64_t watchdog_us = 0;  // WATCHDOG_USEC: it wants to hear more often than that
  };
  // Takes the request out of the environment, so that no child answers it. Before there are threads.
  static Request take_request();

  explicit ServiceManager(Request request) : request_(std::move(request)) {}
  ~ServiceManager() { stop_watchdog(); }
  ServiceManager(const ServiceManager&) = delete;
  ServiceManager& operator=(const ServiceManager&) = delete;

  // Once. If a watchdog was asked for, `prove_alive` is called from a thread twice in each of its periods: while that does
  // not return, or returns false, the manager hears nothing, and ends the service in the end.
  void ready(std::string_view status, std::function<bool()> prove_alive);
  // The end has begun; it may take as long as the unit allows. prove_alive is not called any more when this returns.
  void stopping(std::string_view status);

 private:
  void tell(std::string_view message) const;
  void watch(const std::function<bool()>& prove_alive) EXCLUDES(mutex_);
  void stop_watchdog() EXCLUDES(mutex_);

  const Request request_;
  Mutex mutex_;
  CondVar ending_changed_;
  bool ending_ GUARDED_BY(mutex_) = false;
  std::thread watchdog_;
};

}  // namespace ciaos
