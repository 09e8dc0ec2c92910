// A read of a file for who must not wait: planned, and its one read of a device begun.
#pragma once

#include <memory>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/log_position.h"
#include "store/needle_reader.h"

namespace ciaos::engine {

// As long as the engine; what is under way has to end before it goes. Nothing keeps the needle where it is meanwhile, since who
// waits for a reader must not wait for a device and for whatever else its thread does first (invariant 3): bytes that are no
// longer there fail their checksums, and are looked for anew.
struct BegunRead {
  store::BegunNeedle::State state = store::BegunNeedle::State::may_wait;

  // --- of one that is under way ---
  std::shared_ptr<store::StartedRead> device_read;
  InodeId inode;
  std::uint64_t offset = 0;  // in the file
  MutableByteSpan into;      // of the whole answer; what does not come from the needle is there
  NeedlePlace needle;
  std::uint64_t needle_offset = 0;  // in its payload
  MutableByteSpan needle_into;
};

}  // namespace ciaos::engine
