// Rows within the bounds of the format, with its extremes more often than chance would bring them.
#pragma once

#include <cstddef>
#include <utility>

#include "meta/changes.h"
#include "support/random.h"

namespace ciaos::meta::test {

using ciaos::test::Random;

InodeRow random_inode(Random& random);
NameKey random_name_key(Random& random);
NameRow random_name(Random& random);
// Within a file of any size.
std::pair<ExtentKey, ExtentRow> random_extent(Random& random);
XattrKey random_xattr_key(Random& random);
XattrRow random_xattr(Random& random);
VolumeRow random_volume(Random& random);

// About `records` records over all tables, a part of them deletions. Names of a directory have positions of their own.
Changes random_changes(Random& random, std::size_t records);
// The same without deletions: what a snapshot holds.
Changes random_rows(Random& random, std::size_t records);

}  // namespace ciaos::meta::test
