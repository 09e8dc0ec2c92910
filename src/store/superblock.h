// What a store says of itself on each of its devices.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/log_position.h"
#include "base/result.h"
#include "base/uuid.h"
#include "store/format.h"

namespace ciaos::store {

inline constexpr std::uint64_t kSlotsMax = 1u << 24;  // a slot number has 24 bits in a VolumeId

enum class StoreKind : std::uint32_t { directory = 1, raw = 2 };

struct Superblock {
  std::uint64_t counter = 0;
  Epoch epoch;
  Uuid uuid;
  StoreKind kind = StoreKind::directory;
  std::uint32_t device_index = 0;
  std::uint32_t device_count = 1;
  std::uint32_t slot_count = 0;
  std::uint64_t volume_bytes = 0;
  std::uint64_t device_bytes = 0;
  std::uint64_t slots_begin = 0;
  std::int64_t created_seconds = 0;
  VolumePosition log_start;
  std::optional<NeedlePlace> snapshot;
  // The number of a durable batch: a log that ends before it has lost its end. 0: a writer of version 1 did not say.
  Sequence log_reached;
  std::string label;       // at most 64 bytes
  std::string index_path;  // at most 1023 bytes
  bool operator==(const Superblock&) const = default;
};

// Writes exactly kBlockBytes. REQUIRES: label and index_path within their bounds.
void encode_superblock(const Superblock& superblock, MutableByteSpan block);
// ENODATA: no magic, this is not ours. EUCLEAN: ours and damaged (checksum, bounds). ENOTSUP: a newer version or feature.
Result<Superblock> decode_superblock(ByteSpan block);

}  // namespace ciaos::store
