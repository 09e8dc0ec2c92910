// Puts right what a check found, as far as the answers allow.
//
//   superblocks   each device's two copies, one after the other, each synced
//   rows          edited in the scratch index until nothing is left to do, then written to the log as a batch of its
//                 own under a raised epoch; then everything is checked again, from the devices
//   snapshot      written to the log, read back, named by the superblocks
//   index         the one that the check built, copied beside the store's own and swapped with it
//
// Each step stands by itself, and what lies on the store between two of them is a state that a mount or the next run
// goes on from. Nothing is repaired behind a break of the log. An extent that a device refuses to read stays.
#pragma once

#include <cstdint>

#include "tools/fsck/check.h"

namespace ciaos::fsck {

struct Repaired {
  std::uint64_t corrected = 0;
  std::uint64_t left = 0;  // errors
  bool index_rebuilt = false;
};
// After all passes of `check`, whose devices are open for writing.
Result<Repaired> repair(Check& check, const Answers& answers);

}  // namespace ciaos::fsck
