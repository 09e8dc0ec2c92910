// What lies at the paths that are to become a store, and what speaks against it. Looks only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/superblock.h"

namespace ciaos::mkfs {

struct Target {
  enum class Form { directory, new_directory, block_device, image_file };
  std::string path;  // absolute
  Form form = Form::directory;
  std::uint64_t bytes = 0;   // of a raw one
  std::uint64_t device = 0;  // with `inode`, who it is
  std::uint64_t inode = 0;
  std::optional<std::string> holds;  // what -f would destroy, for people
  bool holds_store = false;

  store::StoreKind kind() const {
    return form == Form::directory || form == Form::new_directory ? store::StoreKind::directory
                                                                  : store::StoreKind::raw;
  }
};

// ENOENT, EACCES, EBUSY (mounted, or under a loop device), EINVAL (neither directory, block device nor file).
Result<Target> inspect(const std::string& path);
// One store is made of different things of one kind. EINVAL names the two that are not.
Status check_together(const std::vector<Target>& targets);
// EBUSY if a process has the store at `target` open. Even -f does not override that.
Status check_not_owned(const Target& target);
// What a directory on another filesystem than XFS does without; nullopt on XFS.
std::optional<std::string> filesystem_note(const Target& target);

}  // namespace ciaos::mkfs
