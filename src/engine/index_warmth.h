// Brings the index into the page cache when a store is opened: names are asked for in random order, and each that is asked of a
// cold index costs several reads of the device, where all of it read in order costs seconds.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

#include "base/unique_fd.h"

namespace ciaos::engine {

// Outlives the index: closing any descriptor of a file ends the locks that SQLite has on it in this process.
class IndexWarmth {
 public:
  ~IndexWarmth() { stop(); }
  // In the background: the database of the index in `directory`, up to a quarter of the memory that is free.
  void start(const std::string& directory);
  void stop();

 private:
  void run();

  UniqueFd file_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

// What the kernel could give without pushing out anything that is in use; 0 if it does not tell.
std::uint64_t available_memory_bytes();

}  // namespace ciaos::engine
