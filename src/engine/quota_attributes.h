// Quotas as extended attributes of directories: trusted.ciaos.quota.bytes and .files are limits, which can be set;
// trusted.ciaos.usage.bytes and .files say what the tree has. Values are decimal. They are listed nowhere, so that whoever
// copies a directory with all of its attributes copies no limits.
#pragma once

#include <string>
#include <string_view>

#include "engine/core.h"
#include "engine/types.h"

namespace ciaos::engine {

// All names of theirs, and those that may be some day.
bool is_quota_name(std::string_view name);

// The inode locked, shared is enough. ENODATA where there is no limit, or no quota.
Result<std::string> get_quota(Core& core, const Inode& inode, std::string_view name);

// Inside the gate, the inode locked exclusively; times and the inode's row are the caller's. Bytes may end in K, M, G or T.
// Without limits, which are 0, there are none. EINVAL: no such limit, no number, or in the tree of another directory; ENOTEMPTY:
// what is there already was never counted; EPERM for usage; ENOTDIR.
Status set_quota(Core& core, Inode& inode, std::string_view name, std::string_view value, XattrMode mode);
// ENODATA: there is no limit.
Status remove_quota(Core& core, Inode& inode, std::string_view name);

}  // namespace ciaos::engine
