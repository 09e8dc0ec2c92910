// The pieces of a snapshot: rows in the log's record format, compressed, and the last piece that binds them.
#pragma once

#include <vector>

#include "base/log_position.h"
#include "base/result.h"
#include "meta/changes.h"

namespace ciaos::meta {

// Rows to the payload of one snapshot needle (zstd) and back. EUCLEAN for anything that does not decode, or that would
// decompress to more than 64 MiB.
ByteVector encode_snapshot_piece(const Changes& rows);
Result<Changes> decode_snapshot_piece(ByteSpan payload);

// The payload of a snapshot's last needle: which state it shows and which needles it is made of.
struct SnapshotDirectory {
  TxnRef state;  // the snapshot holds everything up to this batch; replay starts behind it
  std::vector<NeedlePlace> pieces;
  Digest digest;            // over the pieces' payloads, in order
  std::uint64_t bytes = 0;  // of all payloads: the sum over `pieces`, else it does not decode
  bool operator==(const SnapshotDirectory&) const = default;
};
ByteVector encode_snapshot_directory(const SnapshotDirectory& directory);
Result<SnapshotDirectory> decode_snapshot_directory(ByteSpan payload);

}  // namespace ciaos::meta
