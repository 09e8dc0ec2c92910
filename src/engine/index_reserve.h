// Room on the index's filesystem that nobody else can take (invariant 8): a file that is allocated while there is room and
// removed when the index finds none, so that it can still take in deletions.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "base/result.h"

namespace ciaos::engine {

inline constexpr const char* kIndexReserveName = "reserve";

// Thread-safe.
class IndexReserve {
 public:
  // `bytes` 0: none is kept, and held() is always true. What an earlier life held is held still.
  IndexReserve(const std::string& index_directory, std::uint64_t bytes);

  // Allocates it, unless it is there. ENOSPC: there is no room, or the filesystem cannot promise any.
  Status hold();
  // Gives it to the index. False: there was nothing to give.
  bool give();
  bool held() const { return held_.load(); }

 private:
  const std::string path_;
  const std::uint64_t bytes_;
  std::atomic<bool> held_;
};

}  // namespace ciaos::engine
