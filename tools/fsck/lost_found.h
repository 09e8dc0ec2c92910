// Where things go that no name leads to.
#pragma once

#include "tools/fsck/row_edits.h"

namespace ciaos::fsck {

inline constexpr const char* kLostFound = "lost+found";

// Gives `inode`, which exists, the name "#<number>" in /lost+found, which is made if need be. Without a root that is a
// directory nothing is edited.
Status connect(RowEdits& edits, InodeId inode);

}  // namespace ciaos::fsck
