// Data needles that lie in the volumes whether or not anything names them.
#pragma once

#include <vector>

#include "store/needle.h"
#include "tools/fsck/check.h"

namespace ciaos::fsck {

struct StrayNeedle {
  NeedlePlace place;
  InodeId inode;
  std::uint64_t file_offset = 0;
  Sequence sequence;
};

// Those of batches above `above`, in the order of batches, of all volumes. Where a device refuses to read, the search goes
// on behind; each such place is counted in `refused`.
Result<std::vector<StrayNeedle>> stray_needles(Check& check, Sequence above, std::uint64_t& refused);

}  // namespace ciaos::fsck
