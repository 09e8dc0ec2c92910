#include "fuse/mount_options.h"

namespace ciaos::fuse {

std::string joined_mount_options(const std::vector<std::string>& options) {
  std::string joined;
  for (const std::string& option : options) {
    if (!joined.empty()) joined.push_back(',');
    for (const char c : option) {
      if (c == ',' || c == '\\') joined.push_back('\\');
      joined.push_back(c);
    }
  }
  return joined;
}

}  // namespace ciaos::fuse
