// Which names lead to inodes, for messages: rows know the way down only.
#pragma once

#include <map>
#include <set>
#include <string>

#include "meta/index.h"

namespace ciaos::engine {

// One path for each inode that has any, as the applied index has it. Reads every name that there is: not for verbs.
// REQUIRES: `rows` is between begin() and end().
std::map<InodeId, std::string> paths_of(meta::IndexReader& rows, const std::set<InodeId>& inodes);

}  // namespace ciaos::engine
