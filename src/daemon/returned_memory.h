// Gives freed memory back to the kernel while the process holds more of it than was promised. The allocator returns by itself
// only what is free at the end of its heap; what a long import has freed lies between things that stay.
#pragma once

#include <cstdint>
#include <thread>

#include "base/mutex.h"

namespace ciaos::daemon {

class ReturnedMemory {
 public:
  // Looks each second, and acts above `resident_bytes`; once a minute where that helps little.
  explicit ReturnedMemory(std::uint64_t resident_bytes);
  ~ReturnedMemory();
  ReturnedMemory(const ReturnedMemory&) = delete;
  ReturnedMemory& operator=(const ReturnedMemory&) = delete;

 private:
  void run();

  const std::uint64_t resident_bytes_;
  Mutex mutex_;
  CondVar ending_changed_;
  bool ending_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

// 0 if the kernel does not tell.
std::uint64_t resident_bytes_now();

}  // namespace ciaos::daemon
