#include "store/needle.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "base/assert.h"
#include "base/crc32c.h"

namespace ciaos::store {
namespace {

using L = NeedleLayout;

std::uint32_t piece_count(std::uint64_t payload_bytes) {
  return static_cast<std::uint32_t>((payload_bytes + kBlockBytes - 1) / kBlockBytes);
}

std::uint32_t payload_bytes_max(NeedleKind kind) {
  switch (kind) {
    case NeedleKind::data: return kDataPayloadBytesMax;
    case NeedleKind::txn: return kTxnPayloadBytesMax;
    case NeedleKind::snapshot: return kSnapshotPayloadBytesMax;
  }
  return 0;
}

// Before the checksum is known the kind proves nothing, so this is the bound for all of them.
constexpr std::uint32_t kAnyPayloadBytesMax =
    std::max({kDataPayloadBytesMax, kTxnPayloadBytesMax, kSnapshotPayloadBytesMax});

std::string name_of(const VolumePosition& at) {
  return "needle at " + std::to_string(at.offset) + " of volume " + std::to_string(at.volume.value()) + "." +
         std::to_string(at.generation.value());
}

std::uint32_t header_crc_of(std::uint32_t seed, ByteSpan header) {
  static constexpr std::array<std::byte, 4> kZeros{};
  const std::uint32_t before = crc32c(seed, header.first(L::header_crc));
  return crc32c(crc32c(before, kZeros), header.subspan(L::header_crc + kZeros.size()));
}

// Gathers the payload's parts and sums it in pieces that know nothing of where a part ends, each while it is in the processor's
// nearest cache.
void copy_and_sum(std::uint32_t seed, std::span<const ByteSpan> payload, MutableByteSpan out,
                  std::span<std::uint32_t> crcs) {
  auto part = payload.begin();
  std::size_t of_part = 0;
  for (std::size_t i = 0; i < crcs.size(); ++i) {
    const std::size_t begin = i * kBlockBytes;
    const MutableByteSpan piece = out.subspan(begin, std::min<std::size_t>(kBlockBytes, out.size() - begin));
    for (std::size_t filled = 0; filled < piece.size();) {
      CIAOS_ASSERT(part != payload.end());
      const std::size_t count = std::min(part->size() - of_part, piece.size() - filled);
      if (count > 0) std::memcpy(piece.data() + filled, part->data() + of_part, count);
      filled += count;
      of_part += count;
      if (of_part == part->size()) {
        ++part;
        of_part = 0;
      }
    }
    crcs[i] = crc32c(seed, piece);
  }
  CIAOS_ASSERT(std::all_of(part, payload.end(), [](ByteSpan rest) { return rest.empty(); }));
}

}  // namespace

std::uint32_t checksum_seed(const Uuid& store, const VolumePosition& at) {
  std::array<std::byte, 32> bytes{};
  std::memcpy(bytes.data(), store.bytes.data(), 16);
  store_le(bytes.data() + 16, at.volume.value());
  store_le(bytes.data() + 20, at.generation.value());
  store_le(bytes.data() + 24, at.offset);
  return crc32c(0, bytes);
}

void encode_needle(const Uuid& store, NeedleHeader& header, std::span<const ByteSpan> payload,
                   MutableByteSpan out) {
  CIAOS_ASSERT(header.at.offset % kNeedleAlignment == 0);
  CIAOS_ASSERT(header.payload_bytes > 0 && header.payload_bytes <= payload_bytes_max(header.kind));
  CIAOS_ASSERT(out.size() == header.end() - header.at.offset);
  const std::uint32_t seed = checksum_seed(store, header.at);
  const std::size_t header_bytes = needle_header_bytes(header.payload_bytes);
  const std::size_t payload_at = payload_position(header.at.offset, header.payload_bytes) - header.at.offset;

  header.payload_crcs.resize(piece_count(header.payload_bytes));
  copy_and_sum(seed, payload, out.subspan(payload_at), header.payload_crcs);

  std::byte* const to = out.data();
  std::memset(to, 0, payload_at);
  store_le(to + L::magic, kNeedleMagic);
  store_le(to + L::version, kFormatVersion);
  store_le(to + L::kind, static_cast<std::uint8_t>(header.kind));
  store_le(to + L::payload_bytes, header.payload_bytes);
  store_le(to + L::epoch, header.epoch.value());
  store_le(to + L::sequence, header.sequence.value());
  store_le(to + L::volume, header.at.volume.value());
  store_le(to + L::generation, header.at.generation.value());
  store_le(to + L::inode, header.inode.value());
  store_le(to + L::file_offset, header.file_offset);
  for (std::size_t i = 0; i < header.payload_crcs.size(); ++i)
    store_le(to + L::bytes + 4 * i, header.payload_crcs[i]);
  header.header_crc = header_crc_of(seed, out.first(header_bytes));
  store_le(to + L::header_crc, header.header_crc);
}

Result<NeedleHeader> decode_needle_header(const Uuid& store, const VolumePosition& at, ByteSpan bytes) {
  if (bytes.size() >= 4 && load_le<std::uint32_t>(bytes.data() + L::magic) != kNeedleMagic)
    return fail(ENODATA);
  if (bytes.size() < L::bytes) return fail(EMSGSIZE);
  const std::byte* const from = bytes.data();

  NeedleHeader header;
  header.payload_bytes = load_le<std::uint32_t>(from + L::payload_bytes);
  if (header.payload_bytes == 0 || header.payload_bytes > kAnyPayloadBytesMax) {
    return fail(EUCLEAN, name_of(at) + ": its length is out of bounds");
  }
  const std::size_t header_bytes = needle_header_bytes(header.payload_bytes);
  if (bytes.size() < header_bytes) return fail(EMSGSIZE);
  header.header_crc = load_le<std::uint32_t>(from + L::header_crc);
  if (header.header_crc != header_crc_of(checksum_seed(store, at), bytes.first(header_bytes))) {
    return fail(EUCLEAN, name_of(at) + ": its header does not match its checksum");
  }
  header.at.volume = VolumeId(load_le<std::uint32_t>(from + L::volume));
  header.at.generation = Generation(load_le<std::uint32_t>(from + L::generation));
  header.at.offset = at.offset;
  if (header.at != at) return fail(EUCLEAN, name_of(at) + ": it was written for another volume");

  const auto kind = load_le<std::uint8_t>(from + L::kind);
  if (load_le<std::uint16_t>(from + L::version) != kFormatVersion) {
    return fail(ENOTSUP, name_of(at) + ": unknown format version");
  }
  if (load_le<std::uint8_t>(from + L::flags) != 0) return fail(ENOTSUP, name_of(at) + ": unknown flags");
  if (kind < static_cast<std::uint8_t>(NeedleKind::data) ||
      kind > static_cast<std::uint8_t>(NeedleKind::snapshot)) {
    return fail(ENOTSUP, name_of(at) + ": unknown kind");
  }
  header.kind = static_cast<NeedleKind>(kind);
  if (header.payload_bytes > payload_bytes_max(header.kind)) {
    return fail(EUCLEAN, name_of(at) + ": its payload is too long for its kind");
  }
  if (load_le<std::uint64_t>(from + L::reserved) != 0) {
    return fail(EUCLEAN, name_of(at) + ": reserved bytes are not zero");
  }
  header.epoch = Epoch(load_le<std::uint64_t>(from + L::epoch));
  header.sequence = Sequence(load_le<std::uint64_t>(from + L::sequence));
  header.inode = InodeId(load_le<std::uint64_t>(from + L::inode));
  header.file_offset = load_le<std::uint64_t>(from + L::file_offset);
  header.payload_crcs.resize(piece_count(header.payload_bytes));
  for (std::size_t i = 0; i < header.payload_crcs.size(); ++i) {
    header.payload_crcs[i] = load_le<std::uint32_t>(from + L::bytes + 4 * i);
  }
  return header;
}

Status verify_payload(const Uuid& store, const NeedleHeader& header, std::uint32_t first_block,
                      ByteSpan bytes) {
  const std::uint64_t begin = first_block * kBlockBytes;
  CIAOS_ASSERT(begin <= header.payload_bytes && bytes.size() <= header.payload_bytes - begin);
  CIAOS_ASSERT(bytes.size() % kBlockBytes == 0 || begin + bytes.size() == header.payload_bytes);
  const std::uint32_t seed = checksum_seed(store, header.at);
  std::size_t block = first_block;
  for (std::size_t at = 0; at < bytes.size(); at += kBlockBytes, ++block) {
    const ByteSpan piece = bytes.subspan(at, std::min<std::size_t>(kBlockBytes, bytes.size() - at));
    if (crc32c(seed, piece) != header.payload_crcs[block]) {
      return fail(EUCLEAN, name_of(header.at) + ": piece " + std::to_string(block) +
                               " of its payload does not match its checksum");
    }
  }
  return {};
}

Digest needle_digest(ByteSpan header, ByteSpan payload) {
  DigestStream stream;
  stream.update(header);
  stream.update(payload);
  return stream.value();
}

}  // namespace ciaos::store
