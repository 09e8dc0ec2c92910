// The access control lists of inodes, as rows, and in step with the inodes' modes.
#pragma once

#include <optional>
#include <string_view>

#include "engine/acl.h"
#include "engine/core.h"
#include "engine/types.h"

namespace ciaos::engine {

// All of them want the inode locked exclusively, and those that change something the gate passed; putting the inode's row is
// the caller's. `name` is one of the two names of acl.h.

// EUCLEAN for a list that could not have been stored.
Result<std::optional<Acl>> acl_of(Core& core, Inode& inode, std::string_view name);
void put_acl(Core& core, Inode& inode, std::string_view name, const std::optional<Acl>& acl);

// What setxattr(2) of a list does: an access list gives the mode its bits, and is kept only if it says more than they do.
// False: there was nothing to change. EACCES: a default list for what is no directory.
Result<bool> set_acl(Core& core, const Caller& caller, Inode& inode, std::string_view name,
                     std::string_view value);

}  // namespace ciaos::engine
