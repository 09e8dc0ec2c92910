// Reading files, for those who wait for it and those who must not.
#pragma once

#include "engine/attributes.h"
#include "engine/begun_read.h"
#include "engine/files.h"
#include "engine/report_files.h"
#include "engine/streams.h"
#include "engine/twins.h"

namespace ciaos::engine {

// Thread-safe.
class Reads {
 public:
  Reads(Files& files, Twins& twins, InodeAttributes& attributes, ReportFiles& reports)
      : files_(files), twins_(twins), attributes_(attributes), reports_(reports) {}

  // Engine::read().
  Result<std::size_t> read(InodeId inode, std::uint64_t offset, MutableByteSpan into);

  // The same for a thread that must not wait and runs a ReadStarter: under_way: end() has the answer when the read of the device
  // has ended, and `into` lives until then, all of which may be written over. Otherwise nothing was begun, and read() waits
  // or not, as it says.
  BegunRead begin(InodeId inode, std::uint64_t offset, MutableByteSpan into);
  Result<std::size_t> end(const BegunRead& begun);

  // Somebody is going to read the file from its beginning, by the look of it. One that is small is on its way from the device
  // afterwards, unless more than memory had to be asked for it.
  void expect(InodeId inode);

 private:
  Files& files_;
  Twins& twins_;
  InodeAttributes& attributes_;
  ReportFiles& reports_;
  Streams streams_;
};

}  // namespace ciaos::engine
