// Bytes of leased pieces, from a volume that the daemon handed out.
#pragma once

#include <functional>

#include "base/bytes.h"
#include "base/result.h"
#include "base/uuid.h"
#include "engine/leases.h"

namespace ciaos::rpc {

// The part of `piece` from `begin` to `end`, which are bytes of the file inside of it.
engine::LeasedPiece clipped(const engine::LeasedPiece& piece, std::uint64_t begin, std::uint64_t end);

// Called before what may take as long as a device does.
using BeforeWaiting = std::function<void()>;

// Reads all of `piece` into memory of ours, and verifies it there against the checksums of its needle, which bind it to the
// store and its address (invariant 4): what is handed on is what was verified. `into` is as long as the piece. EUCLEAN: other
// bytes lie there; EIO.
Status read_leased(int volume, const Uuid& store, const engine::LeasedPiece& piece, MutableByteSpan into,
                   const BeforeWaiting& before_waiting);

}  // namespace ciaos::rpc
