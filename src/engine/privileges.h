// What makes a program run with more than its caller's rights, and so must not outlive a change of contents or owner:
// set-id bits and file capabilities. The kernel leaves dropping them to us (FUSE_HANDLE_KILLPRIV_V2), and in return asks
// for no security.capability before each write.
#pragma once

#include <string_view>

#include "base/result.h"
#include "engine/inode_table.h"
#include "engine/rows.h"

namespace ciaos::engine {

inline constexpr std::string_view kCapabilityXattr = "security.capability";

// Before a change of contents or owner, with the inode locked exclusively: finds out whether there is something to drop, so
// that dropping it cannot fail halfway. Asks the rows once in an inode's life in memory.
Status learn_capability(Rows& rows, Inode& inode);
// With it, inside the gate: changes the inode's mode, whose row the caller notes, and removes the capabilities.
void drop_privileges(Rows& rows, Inode& inode, bool clears_set_id);

}  // namespace ciaos::engine
