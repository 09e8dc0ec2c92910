// Attributes and extended attributes of inodes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/core.h"
#include "engine/files.h"
#include "engine/types.h"

namespace ciaos::engine {

// Thread-safe.
class InodeAttributes {
 public:
  InodeAttributes(Core& core, Files& files) : core_(core), files_(files) {}

  Result<Attributes> get(InodeId id);
  Result<Attributes> set(const Caller& caller, InodeId id, const SetAttributes& set);
  Status set_flags(const Caller& caller, InodeId id, std::uint32_t flags);
  // Whether the mount's policy would move the time of access now.
  bool notes_access(const Attributes& attributes) const;
  // After a read, as the mount's policy says; best effort.
  void note_access(InodeId id);
  Result<std::string> readlink(InodeId id);

  Result<std::string> get_xattr(InodeId id, std::string_view name);
  Result<std::vector<std::string>> list_xattrs(const Caller& caller, InodeId id);
  Status set_xattr(const Caller& caller, InodeId id, std::string_view name, std::string_view value,
                   XattrMode mode);
  Status remove_xattr(InodeId id, std::string_view name);

 private:
  void touch(Inode& inode);

  Core& core_;
  Files& files_;
};

}  // namespace ciaos::engine
