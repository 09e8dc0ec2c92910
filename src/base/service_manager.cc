#include "base/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "base/unique_fd.h"

namespace ciaos {
namespace {

// NOLINTBEGIN(concurrency-mt-unsafe): there are no threads yet
std::string take_variable(const char* name) {
  const char* const value = std::getenv(name);
  std::string taken = value != nullptr ? value : "";
  ::unsetenv(name);
  return taken;
}
// NOLINTEND(concurrency-mt-unsafe)

std::uint64_t number_in(const std::string& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

}  // namespace

ServiceManager::Request ServiceManager::take_request() {
  Request request;
  request.socket = take_variable("NOTIFY_SOCKET");
  request.watchdog_us = number_in(take_variable("WATCHDOG_USEC"));
  const std::string process = take_variable("WATCHDOG_PID");
  if (!process.empty() && number_in(process) != static_cast<std::uint64_t>(::getpid()))
    request.watchdog_us = 0;
  return request;
}

void ServiceManager::tell(std::string_view message) const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (request_.socket.empty() || request_.socket.size() >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, request_.socket.data(), request_.socket.size());
  if (request_.socket.front() == '@') address.sun_path[0] = '\0';
  const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + request_.socket.size());
  // A manager that is gone or does not listen is none.
  (void)::sendto(socket.get(), message.data(), message.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&address), bytes);
}

void ServiceManager::ready(std::string_view status, std::function<bool()> prove_alive) {
  tell("READY=1\nSTATUS=" + std::string(status));
  if (request_.socket.empty() || request_.watchdog_us == 0) return;
  watchdog_ = std::thread([this, prove_alive = std::move(prove_alive)] { watch(prove_alive); });
}

void ServiceManager::watch(const std::function<bool()>& prove_alive) {
  const std::uint64_t pause_ms = request_.watchdog_us / 2000;
  mutex_.lock();
  while (!ending_) {
    mutex_.unlock();
    if (prove_alive()) tell("WATCHDOG=1");
    mutex_.lock();
    if (!ending_) (void)ending_changed_.wait_for(mutex_, pause_ms);
  }
  mutex_.unlock();
}

void ServiceManager::stopping(std::string_view status) {
  tell("STOPPING=1\nSTATUS=" + std::string(status));
  stop_watchdog();
}

void ServiceManager::stop_watchdog() {
  {
    MutexLock lock(mutex_);
    ending_ = true;
  }
  ending_changed_.notify_all();
  if (watchdog_.joinable()) watchdog_.join();
}

}  // namespace ciaos
