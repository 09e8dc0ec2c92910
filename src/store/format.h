// The bytes of volumes and superblocks. Twin of doc/format.md; tests/store/*_golden_test.cc assert them.
//
// All numbers are little-endian. A reader refuses a version above its own and feature bits it does not know.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace ciaos::store {

inline constexpr std::uint16_t kFormatVersion = 1;

// Device writes, flush padding and checksummed pieces of a payload are all of this size.
inline constexpr std::uint64_t kBlockBytes = 4096;
// Needles start on this boundary; the gap before one is zeros.
inline constexpr std::uint64_t kNeedleAlignment = 8;
// A payload of at least this size starts on a block boundary, so that it can be read with direct I/O and
// reflinked into a file of its own.
inline constexpr std::uint64_t kAlignedPayloadBytes = 64 * 1024;

// Limits that a reader enforces before it allocates.
inline constexpr std::uint32_t kDataPayloadBytesMax = 1u << 20;
inline constexpr std::uint32_t kTxnPayloadBytesMax = 32u << 20;
inline constexpr std::uint32_t kSnapshotPayloadBytesMax = 4u << 20;
inline constexpr std::uint32_t kBatchRangesMax = 4096;
inline constexpr std::uint64_t kVolumeBytesMin = 1u << 20;
inline constexpr std::uint64_t kVolumeBytesMax = 1ull << 40;
inline constexpr std::uint32_t kDevicesMax = 255;

enum class NeedleKind : std::uint8_t { data = 1, txn = 2, snapshot = 3 };

// A needle: this header, one u32 CRC32C for each 4 KiB of payload (the last piece may be short), padding up to
// payload_offset(), the payload.
inline constexpr std::uint32_t kNeedleMagic = 0x4C44'4E43;  // "CNDL"
struct NeedleLayout {
  static constexpr std::size_t magic = 0;    // u32
  static constexpr std::size_t version = 4;  // u16
  static constexpr std::size_t kind = 6;     // u8, NeedleKind
  static constexpr std::size_t flags = 7;    // u8, 0 in version 1; an unknown bit makes the needle unreadable
  static constexpr std::size_t header_crc = 8;      // u32, over the 64 bytes (this field 0) and the CRC table
  static constexpr std::size_t payload_bytes = 12;  // u32
  static constexpr std::size_t epoch = 16;          // u64
  static constexpr std::size_t sequence = 24;       // u64, of the batch it belongs to
  static constexpr std::size_t volume = 32;         // u32
  static constexpr std::size_t generation = 36;     // u32
  static constexpr std::size_t inode = 40;          // u64; txn: 0; snapshot: index of the piece
  static constexpr std::size_t file_offset = 48;    // u64; txn, snapshot: 0
  static constexpr std::size_t reserved = 56;       // u64, 0
  static constexpr std::size_t bytes = 64;
};

constexpr std::uint64_t needle_header_bytes(std::uint64_t payload_bytes) {
  return NeedleLayout::bytes + 4 * ((payload_bytes + kBlockBytes - 1) / kBlockBytes);
}
// From the volume's first byte. Fixed by where the header is and how long the payload is, so that one device read
// can bring both.
constexpr std::uint64_t payload_position(std::uint64_t header_offset, std::uint64_t payload_bytes) {
  const std::uint64_t after_header = header_offset + needle_header_bytes(payload_bytes);
  return payload_bytes >= kAlignedPayloadBytes ? align_up(after_header, kBlockBytes) : after_header;
}
constexpr std::uint64_t needle_end(std::uint64_t header_offset, std::uint64_t payload_bytes) {
  return payload_position(header_offset, payload_bytes) + payload_bytes;
}
// No needle of this payload takes more, wherever it starts, its share of padding included.
constexpr std::uint64_t needle_bytes_bound(std::uint64_t payload_bytes) {
  return align_up(needle_header_bytes(payload_bytes), kNeedleAlignment) + payload_bytes + kNeedleAlignment +
         (payload_bytes >= kAlignedPayloadBytes ? kBlockBytes : 0);
}

// Payload of a txn needle: this header, `ranges` entries of BatchRangeLayout, then the records.
struct TxnLayout {
  static constexpr std::size_t flags = 0;            // u32, bit 0: opening
  static constexpr std::size_t range_count = 4;      // u32
  static constexpr std::size_t previous_digest = 8;  // 2 x u64, of the txn needle before, zeros for the first
  static constexpr std::size_t previous_epoch = 24;  // u64
  static constexpr std::size_t resume_volume = 32;   // u32, where the log goes on
  static constexpr std::size_t resume_generation = 36;  // u32
  static constexpr std::size_t resume_offset = 40;      // u64
  static constexpr std::size_t nonce = 48;              // u64, random in an opening txn needle, else 0
  static constexpr std::size_t record_bytes = 56;       // u64
  static constexpr std::size_t bytes = 64;
};
inline constexpr std::uint32_t kTxnFlagOpening = 1;

// The needles of a batch in one volume, the txn needle itself left out.
struct BatchRangeLayout {
  static constexpr std::size_t volume = 0;      // u32
  static constexpr std::size_t generation = 4;  // u32
  static constexpr std::size_t begin = 8;       // u64
  static constexpr std::size_t end = 16;        // u64
  static constexpr std::size_t needles = 24;    // u64
  static constexpr std::size_t digest = 32;     // 2 x u64, over their headers with CRC tables, in order
  static constexpr std::size_t bytes = 48;
};

// One superblock copy: one block.
inline constexpr std::uint32_t kSuperblockVersion = 2;                    // 1 is read, too
inline constexpr std::uint64_t kSuperblockMagic = 0x3153'4653'4F41'4943;  // "CIAOSFS1"
struct SuperblockLayout {
  static constexpr std::size_t magic = 0;          // u64
  static constexpr std::size_t version = 8;        // u32
  static constexpr std::size_t crc = 12;           // u32, over the block with this field 0
  static constexpr std::size_t features = 16;      // u64, 0 in version 1; unknown bits: refuse
  static constexpr std::size_t counter = 24;       // u64
  static constexpr std::size_t epoch = 32;         // u64
  static constexpr std::size_t uuid = 40;          // 16 bytes
  static constexpr std::size_t kind = 56;          // u32, 1 directory, 2 raw
  static constexpr std::size_t device_index = 60;  // u32
  static constexpr std::size_t device_count = 64;  // u32
  static constexpr std::size_t slot_count = 68;    // u32, raw: slots on the device; directory: 0
  static constexpr std::size_t volume_bytes = 72;  // u64
  static constexpr std::size_t device_bytes = 80;  // u64, raw: size when formatted; directory: 0
  static constexpr std::size_t slots_begin = 88;   // u64, raw: offset of slot 0
  static constexpr std::size_t created = 96;       // i64, seconds
  static constexpr std::size_t log_volume = 104;   // u32, where the first txn needle of the store is searched
  static constexpr std::size_t log_generation = 108;          // u32
  static constexpr std::size_t log_offset = 112;              // u64
  static constexpr std::size_t snapshot_volume = 120;         // u32, last needle of the newest snapshot
  static constexpr std::size_t snapshot_generation = 124;     // u32
  static constexpr std::size_t snapshot_offset = 128;         // u64
  static constexpr std::size_t snapshot_payload_bytes = 136;  // u32, 0: there is no snapshot
  static constexpr std::size_t snapshot_header_crc = 140;     // u32
  static constexpr std::size_t label = 144;                   // 64 bytes, zero padded
  static constexpr std::size_t index_path = 208;    // 1024 bytes, zero padded; empty: the default place
  static constexpr std::size_t log_reached = 1232;  // u64, since version 2; 0: not known
  static constexpr std::size_t used = 1240;         // zeros from here to the end of the block
};

// Raw devices: slots start here, so that both superblock copies stand clear of them.
inline constexpr std::uint64_t kSlotsBegin = 1u << 20;

}  // namespace ciaos::store
