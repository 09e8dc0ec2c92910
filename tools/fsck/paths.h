// Inodes as people know them.
#pragma once

#include <map>
#include <set>
#include <string>

#include "meta/index.h"

namespace ciaos::fsck {

// A path from the root for each of `inodes` that has one; of a file with several names, one of them. One walk over all
// names, however many are asked for. Rows that cannot be read name nothing.
std::map<InodeId, std::string> paths_of(meta::IndexReader& rows, const std::set<InodeId>& inodes);

}  // namespace ciaos::fsck
