// One framed, checksummed record in a volume. Pure: no I/O, no locks.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/log_position.h"
#include "base/result.h"
#include "base/uuid.h"
#include "store/format.h"

namespace ciaos::store {

struct NeedleHeader {
  NeedleKind kind = NeedleKind::data;
  std::uint32_t payload_bytes = 0;
  Epoch epoch;
  Sequence sequence;
  VolumePosition at;
  InodeId inode;
  std::uint64_t file_offset = 0;
  std::uint32_t header_crc = 0;
  std::vector<std::uint32_t> payload_crcs;  // one for each kBlockBytes of payload

  NeedlePlace place() const { return {at, payload_bytes, header_crc}; }
  std::uint64_t end() const { return needle_end(at.offset, payload_bytes); }
};

// The seed that binds all checksums of a needle to the store and to its own address, so that a misdirected write, another
// store's block and a block of a volume's earlier life are corrupt and never wrong data.
std::uint32_t checksum_seed(const Uuid& store, const VolumePosition& at);

// Writes header, CRC table, padding and payload (the concatenation of `payload`) to `out`, whose first byte stands for
// `header.at` and which is exactly needle_end() - at.offset long. Fills header.payload_crcs and header.header_crc.
// header.payload_bytes must be the sum of the payload's parts.
void encode_needle(const Uuid& store, NeedleHeader& header, std::span<const ByteSpan> payload,
                   MutableByteSpan out);

// What lies at `at`, from bytes that start there. `bytes` may be longer than the header. ENODATA: no magic. EMSGSIZE: the
// magic is there and the bytes end before the header does (needle_header_bytes() says how many it wants).
// EUCLEAN: a header that does not verify for this store and address. ENOTSUP: unknown version, kind or flag behind a
// checksum that verifies.
Result<NeedleHeader> decode_needle_header(const Uuid& store, const VolumePosition& at, ByteSpan bytes);

// Verifies payload pieces [first_block, ...) given their bytes; `bytes` starts on a piece's first byte and ends at a piece's
// end or at the payload's end. EUCLEAN names the first bad piece.
Status verify_payload(const Uuid& store, const NeedleHeader& header, std::uint32_t first_block,
                      ByteSpan bytes);

// What the next txn needle, and whoever remembers this one, knows it by: its 64 bytes and CRC table, then its payload. The
// padding between them is left out: it is nobody's.
Digest needle_digest(ByteSpan header, ByteSpan payload);

// --- payload of a txn needle ---

struct BatchRange {
  VolumeId volume;
  Generation generation;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t needles = 0;
  Digest digest;
  bool operator==(const BatchRange&) const = default;
};

struct TxnHeader {
  bool opening = false;
  Digest previous_digest;
  Epoch previous_epoch;
  VolumePosition resume;
  std::uint64_t nonce = 0;
  std::vector<BatchRange> ranges;
  bool operator==(const TxnHeader&) const = default;
};

// Header and ranges only; the records follow them in the payload.
ByteVector encode_txn_header(const TxnHeader& header, std::uint64_t record_bytes);

struct TxnPayload {
  TxnHeader header;
  ByteSpan records;  // inside the payload that was given
};
// EUCLEAN for anything out of bounds; ENOTSUP: a flag of a later version.
Result<TxnPayload> decode_txn_payload(ByteSpan payload);

}  // namespace ciaos::store
