// The daemon as a service: what the service manager is told, and when it hears nothing.
#include "base/service_manager.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <string>

#include "base/unique_fd.h"
#include "support/temporary_directory.h"

namespace ciaos::test {
namespace {

class Service : public testing::Test {
 protected:
  void SetUp() override {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    ASSERT_LT(path().size(), sizeof address.sun_path);
    std::memcpy(address.sun_path, path().c_str(), path().size());
    ASSERT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  std::string path() const { return directory_.path() + "/notify"; }
  // The next message, or "" when none comes for so long.
  std::string heard(int timeout_ms = 10'000) const {
    pollfd waiting{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, timeout_ms) != 1) return "";
    std::array<char, 512> message{};
    const ssize_t bytes = ::recv(socket_.get(), message.data(), message.size(), 0);
    return {message.data(), static_cast<std::size_t>(std::max<ssize_t>(bytes, 0))};
  }

 private:
  const TemporaryDirectory directory_;
  const UniqueFd socket_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

TEST_F(Service, HearsOfTheBeginningAndTheEnd) {
  ServiceManager manager({.socket = path()});
  manager.ready("mounted", [] { return true; });
  EXPECT_EQ(heard(), "READY=1\nSTATUS=mounted");
  manager.stopping("flushing");
  EXPECT_EQ(heard(), "STOPPING=1\nSTATUS=flushing");
}

TEST_F(Service, HearsOfLifeAsOftenAsItWants) {
  ServiceManager manager({.socket = path(), .watchdog_us = 20'000});
  manager.ready("", [] { return true; });
  heard();
  EXPECT_EQ(heard(), "WATCHDOG=1");
  EXPECT_EQ(heard(), "WATCHDOG=1");
}

TEST_F(Service, HearsNothingOfWhoCannotProveThatItLives) {
  ServiceManager manager({.socket = path(), .watchdog_us = 2'000});
  std::atomic<int> asked{0};
  manager.ready("", [&] { return ++asked < 0; });
  heard();
  while (asked < 3) std::this_thread::yield();
  manager.stopping("");
  EXPECT_EQ(heard(), "STOPPING=1\nSTATUS=");
  const int last = asked;
  EXPECT_EQ(heard(/*timeout_ms=*/20), "");
  EXPECT_EQ(asked, last);
}

TEST_F(Service, TakesTheRequestOutOfTheEnvironment) {
  // NOLINTBEGIN(concurrency-mt-unsafe): there are no other threads
  ::setenv("NOTIFY_SOCKET", path().c_str(), 1);
  ::setenv("WATCHDOG_USEC", "30000000", 1);
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  const auto request = ServiceManager::take_request();
  EXPECT_EQ(request.socket, path());
  EXPECT_EQ(request.watchdog_us, 30'000'000u);
  EXPECT_EQ(::getenv("NOTIFY_SOCKET"), nullptr);
  ::setenv("WATCHDOG_USEC", "30000000", 1);
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(ServiceManager::take_request().watchdog_us, 0u);
  // NOLINTEND(concurrency-mt-unsafe)
}

TEST(ServiceWithoutManager, TellsNobodyAndAsksNobody) {
  ServiceManager manager({.socket = "", .watchdog_us = 1'000});
  manager.ready("", [] {
    ADD_FAILURE() << "asked";
    return true;
  });
  manager.stopping("");
}

}  // namespace
}  // namespace ciaos::test
