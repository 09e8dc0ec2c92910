#include "store/owner_lock.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <optional>
#include <thread>

#include "base/clock.h"

namespace ciaos::store {

namespace {

constexpr std::uint64_t kAskAgainMs = 50;

// Lines read "1: FLOCK  ADVISORY  WRITE 1234 08:01:131 0 EOF", the device in hex, the inode in decimal; a lock that is
// waited for has an arrow behind the number. See proc(5).
std::optional<int> owner_of(int fd) {
  struct stat file {};
  if (::fstat(fd, &file) != 0) return std::nullopt;
  std::ifstream locks("/proc/locks");
  std::string line;
  while (std::getline(locks, line)) {
    int pid = 0;
    unsigned device_major = 0;
    unsigned device_minor = 0;
    unsigned long inode = 0;
    if (std::sscanf(line.c_str(), "%*d: FLOCK %*s %*s %d %x:%x:%lu", &pid, &device_major, &device_minor,
                    &inode) != 4) {
      continue;
    }
    // A pid of 0 is a process outside our pid namespace.
    if (inode == file.st_ino && device_major == major(file.st_dev) && device_minor == minor(file.st_dev) &&
        pid > 0) {
      return pid;
    }
  }
  return std::nullopt;
}

Error in_use(const std::string& path, int fd) {
  const std::optional<int> owner = owner_of(fd);
  return fail(EBUSY, owner ? fmt::format("{} is in use by process {}", path, *owner)
                           : fmt::format("{} is in use by another process", path));
}

}  // namespace

Result<OwnerLock> OwnerLock::take(const std::string& path, Mode mode, std::uint64_t wait_ms) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return fail(errno, path);
  const int operation = (mode == Mode::exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB;
  SystemClock clock;
  const std::uint64_t started = clock.monotonic_ms();
  while (::flock(fd.get(), operation) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return fail(errno, "flock " + path);
    if (clock.monotonic_ms() - started >= wait_ms) return in_use(path, fd.get());
    std::this_thread::sleep_for(std::chrono::milliseconds(kAskAgainMs));
  }
  return OwnerLock(std::move(fd));
}

}  // namespace ciaos::store
