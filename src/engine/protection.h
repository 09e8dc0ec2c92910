// What FS_IMMUTABLE_FL and FS_APPEND_FL forbid, to everybody, as ext4 and XFS have it: always EPERM. Pure.
#pragma once

#include <linux/fs.h>

#include "base/result.h"
#include "meta/rows.h"

namespace ciaos::engine {

// What can be set; nodump is kept for whoever asks.
inline constexpr std::uint32_t kFlagsSettable = FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL;
// What only root may set and take away.
inline constexpr std::uint32_t kFlagsProtected = FS_IMMUTABLE_FL | FS_APPEND_FL;

inline bool is_immutable(std::uint32_t flags) { return (flags & FS_IMMUTABLE_FL) != 0; }
inline bool is_append_only(std::uint32_t flags) { return (flags & FS_APPEND_FL) != 0; }

// Attributes, links to it, contents other than by appending.
inline Status check_changeable(const meta::InodeRow& row) {
  return (row.flags & kFlagsProtected) != 0 ? Status(fail(EPERM)) : Status();
}

// Contents, and times that are set to now.
inline Status check_writable(std::uint32_t flags, bool appends) {
  const bool refused = is_immutable(flags) || (is_append_only(flags) && !appends);
  return refused ? Status(fail(EPERM)) : Status();
}

// An append-only directory takes new names and gives none away.
inline Status check_takes_names(const meta::InodeRow& directory) {
  return is_immutable(directory.flags) ? Status(fail(EPERM)) : Status();
}

inline Status check_gives_away(const meta::InodeRow& directory, const meta::InodeRow& child) {
  TRY_VOID(check_changeable(directory));
  return check_changeable(child);
}

}  // namespace ciaos::engine
