// The text of mount options as libfuse parses it. Pure.
#pragma once

#include <string>
#include <vector>

namespace ciaos::fuse {

// Joined by commas; commas and backslashes inside an option are escaped, as in a name of a store.
std::string joined_mount_options(const std::vector<std::string>& options);

}  // namespace ciaos::fuse
