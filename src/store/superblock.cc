#include "store/superblock.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>

#include "base/crc32c.h"

namespace ciaos::store {

namespace {

using Layout = SuperblockLayout;

constexpr std::size_t kLabelBytes = Layout::index_path - Layout::label;
constexpr std::size_t kIndexPathBytes = Layout::log_reached - Layout::index_path;
static_assert(kLabelBytes == 64 && kIndexPathBytes == 1024 && Layout::used <= kBlockBytes);
static_assert(sizeof(Uuid::bytes) == Layout::kind - Layout::uuid);

std::uint32_t block_crc(ByteSpan block) {
  constexpr std::byte zeros[4] = {};
  std::uint32_t crc = crc32c(0, block.first(Layout::crc));
  crc = crc32c(crc, zeros);
  return crc32c(crc, block.subspan(Layout::crc + sizeof zeros));
}

bool all_zeros(ByteSpan bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

Error damaged(const char* field) {
  return fail(EUCLEAN, fmt::format("superblock: {} is out of bounds", field));
}

// Text up to the first zero, of which the field must then be full.
bool read_text(ByteSpan field, std::string& text) {
  const auto end = std::find(field.begin(), field.end(), std::byte{0});
  const std::size_t length = static_cast<std::size_t>(end - field.begin());
  text = std::string(as_text(field.first(length)));
  return all_zeros(field.subspan(length));
}

bool power_of_two_volume(std::uint64_t bytes) {
  return std::has_single_bit(bytes) && bytes >= kVolumeBytesMin && bytes <= kVolumeBytesMax;
}

// Slots lie between the two copies of the superblock, in one piece.
bool raw_geometry_fits(const Superblock& s) {
  if (s.slots_begin < kBlockBytes || s.slots_begin % kBlockBytes != 0) return false;
  const std::uint64_t end = align_down(s.device_bytes, kBlockBytes);
  if (end < kBlockBytes || end - kBlockBytes < s.slots_begin) return false;
  return s.slot_count > 0 && s.slot_count <= kSlotsMax &&
         s.slot_count <= (end - kBlockBytes - s.slots_begin) / s.volume_bytes;
}

bool position_fits(const Superblock& s, const VolumePosition& at) {
  if (device_of(at.volume) >= s.device_count || at.generation.value() == 0) return false;
  if (device_of(at.volume) == s.device_index && s.kind == StoreKind::raw &&
      slot_of(at.volume) >= s.slot_count) {
    return false;
  }
  return at.offset < s.volume_bytes && at.offset % kNeedleAlignment == 0;
}

bool snapshot_fits(const Superblock& s, const NeedlePlace& place) {
  return position_fits(s, place.at) && place.payload_bytes <= kSnapshotPayloadBytesMax &&
         needle_end(place.at.offset, place.payload_bytes) <= s.volume_bytes;
}

Superblock read_fields(const std::byte* at) {
  Superblock s;
  s.counter = load_le<std::uint64_t>(at + Layout::counter);
  s.epoch = Epoch(load_le<std::uint64_t>(at + Layout::epoch));
  std::memcpy(s.uuid.bytes.data(), at + Layout::uuid, s.uuid.bytes.size());
  s.kind = static_cast<StoreKind>(load_le<std::uint32_t>(at + Layout::kind));
  s.device_index = load_le<std::uint32_t>(at + Layout::device_index);
  s.device_count = load_le<std::uint32_t>(at + Layout::device_count);
  s.slot_count = load_le<std::uint32_t>(at + Layout::slot_count);
  s.volume_bytes = load_le<std::uint64_t>(at + Layout::volume_bytes);
  s.device_bytes = load_le<std::uint64_t>(at + Layout::device_bytes);
  s.slots_begin = load_le<std::uint64_t>(at + Layout::slots_begin);
  s.created_seconds = load_le<std::int64_t>(at + Layout::created);
  s.log_start.volume = VolumeId(load_le<std::uint32_t>(at + Layout::log_volume));
  s.log_start.generation = Generation(load_le<std::uint32_t>(at + Layout::log_generation));
  s.log_start.offset = load_le<std::uint64_t>(at + Layout::log_offset);
  return s;
}

NeedlePlace read_snapshot(const std::byte* at) {
  NeedlePlace place;
  place.at.volume = VolumeId(load_le<std::uint32_t>(at + Layout::snapshot_volume));
  place.at.generation = Generation(load_le<std::uint32_t>(at + Layout::snapshot_generation));
  place.at.offset = load_le<std::uint64_t>(at + Layout::snapshot_offset);
  place.payload_bytes = load_le<std::uint32_t>(at + Layout::snapshot_payload_bytes);
  place.header_crc = load_le<std::uint32_t>(at + Layout::snapshot_header_crc);
  return place;
}

Status check_identity(const Superblock& s) {
  if (s.counter == 0) return damaged("counter");
  if (s.epoch.value() == 0) return damaged("epoch");
  if (s.uuid == Uuid{}) return damaged("uuid");
  if (s.device_count == 0 || s.device_count > kDevicesMax) return damaged("device count");
  if (s.device_index >= s.device_count) return damaged("device index");
  return {};
}

Status check_geometry(const Superblock& s) {
  if (!power_of_two_volume(s.volume_bytes)) return damaged("volume size");
  switch (s.kind) {
    case StoreKind::directory:
      if (s.slot_count != 0 || s.device_bytes != 0 || s.slots_begin != 0)
        return damaged("directory geometry");
      return {};
    case StoreKind::raw:
      if (!raw_geometry_fits(s)) return damaged("raw geometry");
      return {};
  }
  return damaged("kind");
}

}  // namespace

void encode_superblock(const Superblock& s, MutableByteSpan block) {
  CIAOS_ASSERT(block.size() == kBlockBytes);
  CIAOS_ASSERT(s.label.size() <= kLabelBytes && s.label.find('\0') == std::string::npos);
  CIAOS_ASSERT(s.index_path.size() < kIndexPathBytes && s.index_path.find('\0') == std::string::npos);
  std::byte* at = block.data();
  std::memset(at, 0, block.size());
  store_le(at + Layout::magic, kSuperblockMagic);
  store_le(at + Layout::version, kSuperblockVersion);
  store_le(at + Layout::counter, s.counter);
  store_le(at + Layout::epoch, s.epoch.value());
  std::memcpy(at + Layout::uuid, s.uuid.bytes.data(), s.uuid.bytes.size());
  store_le(at + Layout::kind, static_cast<std::uint32_t>(s.kind));
  store_le(at + Layout::device_index, s.device_index);
  store_le(at + Layout::device_count, s.device_count);
  store_le(at + Layout::slot_count, s.slot_count);
  store_le(at + Layout::volume_bytes, s.volume_bytes);
  store_le(at + Layout::device_bytes, s.device_bytes);
  store_le(at + Layout::slots_begin, s.slots_begin);
  store_le(at + Layout::created, s.created_seconds);
  store_le(at + Layout::log_volume, s.log_start.volume.value());
  store_le(at + Layout::log_generation, s.log_start.generation.value());
  store_le(at + Layout::log_offset, s.log_start.offset);
  if (s.snapshot) {
    CIAOS_ASSERT(s.snapshot->payload_bytes > 0);
    store_le(at + Layout::snapshot_volume, s.snapshot->at.volume.value());
    store_le(at + Layout::snapshot_generation, s.snapshot->at.generation.value());
    store_le(at + Layout::snapshot_offset, s.snapshot->at.offset);
    store_le(at + Layout::snapshot_payload_bytes, s.snapshot->payload_bytes);
    store_le(at + Layout::snapshot_header_crc, s.snapshot->header_crc);
  }
  std::memcpy(at + Layout::label, s.label.data(), s.label.size());
  std::memcpy(at + Layout::index_path, s.index_path.data(), s.index_path.size());
  store_le(at + Layout::log_reached, s.log_reached.value());
  store_le(at + Layout::crc, block_crc(block));
  CIAOS_ASSERT(decode_superblock(block).ok());
}

Result<Superblock> decode_superblock(ByteSpan block) {
  CIAOS_ASSERT(block.size() == kBlockBytes);
  const std::byte* at = block.data();
  if (load_le<std::uint64_t>(at + Layout::magic) != kSuperblockMagic) {
    return fail(ENODATA, "no ciaosfs superblock");
  }
  if (load_le<std::uint32_t>(at + Layout::crc) != block_crc(block)) {
    return fail(EUCLEAN, "superblock: wrong checksum");
  }
  const std::uint32_t version = load_le<std::uint32_t>(at + Layout::version);
  if (version == 0) return damaged("version");
  if (version > kSuperblockVersion) {
    return fail(ENOTSUP, fmt::format("superblock: format version {}, this program reads up to {}", version,
                                     kSuperblockVersion));
  }
  const std::uint64_t features = load_le<std::uint64_t>(at + Layout::features);
  if (features != 0) return fail(ENOTSUP, fmt::format("superblock: unknown features {:#x}", features));

  Superblock s = read_fields(at);
  TRY_VOID(check_identity(s));
  TRY_VOID(check_geometry(s));
  if (!position_fits(s, s.log_start)) return damaged("log start");
  const NeedlePlace snapshot = read_snapshot(at);
  if (snapshot.payload_bytes != 0) {
    if (!snapshot_fits(s, snapshot)) return damaged("snapshot");
    s.snapshot = snapshot;
  } else if (snapshot != NeedlePlace{}) {
    return damaged("snapshot");
  }
  if (!read_text(block.subspan(Layout::label, kLabelBytes), s.label)) return damaged("label");
  if (!read_text(block.subspan(Layout::index_path, kIndexPathBytes), s.index_path) ||
      s.index_path.size() == kIndexPathBytes) {
    return damaged("index path");
  }
  if (!all_zeros(block.subspan(version < 2 ? Layout::log_reached : Layout::used))) return damaged("tail");
  s.log_reached = Sequence(load_le<std::uint64_t>(at + Layout::log_reached));
  return s;
}

}  // namespace ciaos::store
