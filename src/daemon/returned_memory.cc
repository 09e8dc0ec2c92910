#include "daemon/returned_memory.h"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>

#include "base/unique_fd.h"

namespace ciaos::daemon {
namespace {

constexpr std::uint64_t kPauseMs = 1000;
constexpr std::uint64_t kPauseMsMax = 60'000;  // where there is nothing to return
constexpr std::uint64_t kWorthwhileBytes = 16u << 20;

}  // namespace

std::uint64_t resident_bytes_now() {
  const UniqueFd file(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC));
  std::array<char, 128> text{};
  if (!file.valid() || ::read(file.get(), text.data(), text.size() - 1) <= 0) return 0;
  // All pages of the address space, then those that are in memory.
  const char* const space = std::strchr(text.data(), ' ');
  if (space == nullptr) return 0;
  return std::strtoull(space + 1, nullptr, 10) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

ReturnedMemory::ReturnedMemory(std::uint64_t resident_bytes)
    : resident_bytes_(resident_bytes), thread_([this] { run(); }) {}

ReturnedMemory::~ReturnedMemory() {
  {
    MutexLock lock(mutex_);
    ending_ = true;
    ending_changed_.notify_all();
  }
  thread_.join();
}

void ReturnedMemory::run() {
  std::uint64_t pause_ms = kPauseMs;
  while (true) {
    {
      MutexLock lock(mutex_);
      if (!ending_) (void)ending_changed_.wait_for(mutex_, pause_ms);
      if (ending_) return;
    }
    pause_ms = kPauseMs;
    const std::uint64_t before = resident_bytes_now();
    if (before <= resident_bytes_) continue;
    ::malloc_trim(0);
    if (resident_bytes_now() + kWorthwhileBytes > before) pause_ms = kPauseMsMax;
  }
}

}  // namespace ciaos::daemon
