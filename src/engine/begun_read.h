// A read of a file for who must not wait: planned, and its one read of a device begun.
#pragma once

#include <memory>

#include "base/bytes.h"
#include "base/log_position.h"
#include "engine/read_epochs.h"
#include "store/needle_reader.h"

namespace ciaos::engine {

// As long as the engine. What is under way has to end before it goes.
struct BegunRead {
  store::BegunNeedle::State state = store::BegunNeedle::State::may_wait;

  // --- of one that is under way ---
  std::shared_ptr<store::StartedRead> device_read;
  InodeId inode;
  NeedlePlace needle;
  std::uint64_t offset = 0;  // in its payload
  MutableByteSpan into;      // what comes from the needle
  std::size_t bytes = 0;     // of the whole answer; the rest of it is there
  std::unique_ptr<ReadEpochs::Ticket> ticket;
};

}  // namespace ciaos::engine
