// Which directory of the store the mount shows as its root. Front doors know it by the number of the root, whatever its own
// is, and find nothing above it. Object verbs go on seeing the whole store. Pure.
#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "engine/types.h"

namespace ciaos::engine {

// Constant from the first verb on.
class MountedRoot {
 public:
  void set(InodeId directory) { directory_ = directory; }
  bool is(InodeId inode) const { return inode == directory_; }
  InodeId directory() const { return directory_; }

  // The inode that a front door means, and what it is told of one.
  InodeId meant(InodeId inode) const { return inode == kRootInode ? directory_ : inode; }
  InodeId shown(InodeId inode) const { return is(inode) ? kRootInode : inode; }
  Result<Attributes> shown(Result<Attributes> attributes) const {
    if (attributes.ok()) attributes->inode = shown(attributes->inode);
    return attributes;
  }

 private:
  InodeId directory_ = kRootInode;
};

}  // namespace ciaos::engine
