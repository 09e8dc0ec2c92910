// A memory file that came with a request: copied out of, and into, with pread(2) and pwrite(2), and never mapped, so that a peer
// that shrinks it meanwhile harms nobody.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"

namespace ciaos::rpc {

// EMSGSIZE: more than kMemoryBytesMax; EBADF: none came, or it is no memory; EPROTO: it is shorter.
Result<ByteVector> read_memory(int memory, std::uint64_t offset, std::uint64_t length);
Status write_memory(int memory, ByteSpan bytes);

}  // namespace ciaos::rpc
