// Copies what can still be read out of a store into a folder of another filesystem. Nothing on the store is written.
//
//   DIR/...               the tree that the log stands for, up to where it breaks
//   DIR/lost+found/#N     what no name leads to, by number of the inode; and the data of needles behind the break, which no
//                         row names: at their place in the file, later ones on top of earlier ones
//
// Bytes that cannot be read or do not verify are left out, in pieces of 4 KiB, and told: they read as zeros.
#pragma once

#include <cstdint>
#include <string>

#include "tools/fsck/check.h"

namespace ciaos::fsck {

struct Salvaged {
  std::uint64_t directories = 0;
  std::uint64_t files = 0;        // everything else that has a name
  std::uint64_t bytes = 0;        // of contents
  std::uint64_t without_row = 0;  // needles behind the break
  std::uint64_t lost = 0;         // things or pieces that could not be copied
};

// After passes 1 and 2. `into` is made, or empty. An error is about `into` or the scratch; what the store lost is
// counted.
Result<Salvaged> salvage(Check& check, const std::string& into);

}  // namespace ciaos::fsck
