// One writer, or many readers, per store device: flock(2), which the kernel gives back however its holder ends.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace ciaos::store {

// Held while the object lives. It belongs to the open file: a second take() in the same process is refused too, and
// a forked child keeps it alive. The pid in the refusal is of the process that took it, so take it after the last fork.
class OwnerLock {
 public:
  enum class Mode { exclusive, shared };
  // Locks the file or block device at `path`, asking again until `wait_ms` have passed. EBUSY names the owner's pid where
  // /proc/locks tells it; errors of open(2) and flock(2) otherwise.
  static Result<OwnerLock> take(const std::string& path, Mode mode, std::uint64_t wait_ms);

 private:
  explicit OwnerLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace ciaos::store
