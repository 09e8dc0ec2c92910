// Repairs of what files are made of. No byte that can be read is given up.
#pragma once

#include <vector>

#include "meta/extents.h"
#include "tools/fsck/check.h"
#include "tools/fsck/row_edits.h"

namespace ciaos::fsck {

// A row for inode `id`, which has none, whose bytes its extents are. It has no name yet.
Status make_file_of_extents(RowEdits& edits, InodeId id, std::uint32_t permissions);
// The extents of something that is no regular file become a file in lost+found.
Status move_extents_to_file(RowEdits& edits, InodeId from, std::uint32_t permissions);
// Of bytes that several extents claim, those of the latest batch hold. Nothing is edited where the device does not say
// which is the latest.
Status let_newer_bytes_hold(Check& check, RowEdits& edits, InodeId file);

// An extent and the number of the batch that its needle belongs to.
struct AgedExtent {
  meta::Extent extent;
  Sequence sequence;
};
// What remains when later ones lie on top of earlier ones; of one age, those that begin earlier lie on top. Pure.
std::vector<meta::Extent> flattened(std::vector<AgedExtent> extents);

}  // namespace ciaos::fsck
