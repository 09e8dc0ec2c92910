// Small rules of POSIX that several verbs share. Pure.
#pragma once

#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "engine/types.h"
#include "meta/rows.h"

namespace ciaos::engine {

// What a write by a caller without CAP_FSETID, or a chown, leaves of a mode: set-user-id goes, set-group-id where the group
// may execute (without that bit it means mandatory locking, and stays). On a directory the bits mean something else.
constexpr std::uint32_t without_set_id(std::uint32_t mode) {
  if (S_ISDIR(mode)) return mode;
  mode &= ~static_cast<std::uint32_t>(S_ISUID);
  if ((mode & S_IXGRP) != 0) mode &= ~static_cast<std::uint32_t>(S_ISGID);
  return mode;
}

// Whether the caller may leave set-group-id on what belongs to `gid`.
inline bool may_give_group(const Caller& caller, std::uint32_t gid) {
  return caller.uid == 0 || caller.gid == gid ||
         std::find(caller.groups.begin(), caller.groups.end(), gid) != caller.groups.end();
}

constexpr std::uint8_t type_of_mode(std::uint32_t mode) {
  return static_cast<std::uint8_t>((mode & S_IFMT) >> 12);
}

// ENAMETOOLONG beyond 255 bytes; EINVAL for what no directory can hold.
inline Status check_name(std::string_view name) {
  if (name.size() > kNameBytesMax) return fail(ENAMETOOLONG);
  if (name.empty() || name == "." || name == "..") return fail(EINVAL);
  if (name.find('/') != std::string_view::npos || name.find('\0') != std::string_view::npos)
    return fail(EINVAL);
  return {};
}

// What st_blocks is made of. `buffered_bytes`: written, no needle yet. They count as stored already, since nobody tells the
// kernel when they are; so that what overwrites something does not count twice, a file never counts more than it is long.
inline std::uint64_t shown_bytes(const meta::InodeRow& row, std::uint64_t buffered_bytes) {
  return std::min(row.stored_bytes + buffered_bytes, std::max(row.stored_bytes, row.size));
}

inline Attributes attributes_of(InodeId id, const meta::InodeRow& row, std::uint64_t buffered_bytes) {
  Attributes a;
  a.inode = id;
  a.mode = row.mode;
  a.uid = row.uid;
  a.gid = row.gid;
  a.links = row.links;
  a.flags = row.flags & ~meta::kImplicitDirectory;
  a.device = row.device;
  a.size = row.size;
  a.blocks512 = (shown_bytes(row, buffered_bytes) + 511) / 512;
  a.accessed = row.accessed;
  a.modified = row.modified;
  a.changed = row.changed;
  a.born = row.born;
  a.change = row.change;
  return a;
}

}  // namespace ciaos::engine
