// What lies in blocks of a device, and beside the index.
#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "base/assert.h"
#include "base/crc32c.h"
#include "engine/damage_list.h"
#include "meta/changes.h"
#include "meta/snapshot.h"
#include "store/format.h"
#include "store/needle.h"
#include "store/superblock.h"
#include "support/random.h"
#include "support/random_changes.h"
#include "tests/fuzz/tables.h"

namespace ciaos::fuzz {
namespace {

using test::Random;

constexpr Uuid kStore{{1, 2, 3}};
constexpr VolumePosition kPlace{VolumeId(5), Generation(2), 4096};

VolumePosition random_position(Random& random) {
  return {make_volume_id(0, static_cast<std::uint32_t>(random.below(8))), Generation(1),
          store::kBlockBytes * random.below(100)};
}

// --- superblocks ---

ByteVector example_superblock(std::uint64_t seed) {
  Random random(seed);
  store::Superblock s;
  s.counter = 1 + random.below(1000);
  s.epoch = Epoch(1 + random.below(1000));
  s.uuid = kStore;
  s.kind = random.chance(50) ? store::StoreKind::raw : store::StoreKind::directory;
  s.volume_bytes = store::kVolumeBytesMin << random.below(10);
  if (s.kind == store::StoreKind::raw) {
    s.slots_begin = store::kSlotsBegin;
    s.slot_count = static_cast<std::uint32_t>(8 + random.below(100));
    s.device_bytes = s.slots_begin + (s.slot_count + 1) * s.volume_bytes;
  }
  s.log_start = {make_volume_id(0, 0), Generation(1), 0};
  if (random.chance(50)) s.snapshot = NeedlePlace{random_position(random), 4096, 77};
  s.label = "label";
  s.index_path = "/var/lib/index";
  ByteVector block(store::kBlockBytes);
  store::encode_superblock(s, block);
  return block;
}

bool decode_superblock(ByteSpan bytes) {
  ByteVector block(bytes.begin(), bytes.end());
  block.resize(store::kBlockBytes);
  store_le<std::uint32_t>(block.data() + store::SuperblockLayout::crc, 0);
  store_le(block.data() + store::SuperblockLayout::crc, crc32c(0, block));
  const auto decoded = store::decode_superblock(block);
  if (!decoded.ok()) return false;
  ByteVector again(store::kBlockBytes);
  store::encode_superblock(*decoded, again);
  const auto twice = store::decode_superblock(again);
  CIAOS_ASSERT(twice.ok() && *twice == *decoded);
  return true;
}

// --- needles ---

ByteVector example_needle(std::uint64_t seed) {
  Random random(seed);
  store::NeedleHeader header;
  header.kind = static_cast<store::NeedleKind>(1 + random.below(3));
  header.at = kPlace;
  header.inode = header.kind == store::NeedleKind::txn ? InodeId() : InodeId(random.below(1u << 30));
  const std::string payload = random.bytes(1 + random.below(20'000));
  header.payload_bytes = static_cast<std::uint32_t>(payload.size());
  ByteVector out(store::needle_end(kPlace.offset, payload.size()) - kPlace.offset);
  const std::array<ByteSpan, 1> parts{as_bytes(payload)};
  store::encode_needle(kStore, header, parts, out);
  return out;
}

bool decode_needle(ByteSpan bytes) {
  ByteVector needle(bytes.begin(), bytes.end());
  needle.resize(std::max(needle.size(), store::NeedleLayout::bytes));
  const auto payload = load_le<std::uint32_t>(needle.data() + store::NeedleLayout::payload_bytes);
  const std::uint64_t header_bytes = store::needle_header_bytes(payload);
  if (header_bytes <= needle.size()) {
    store_le<std::uint32_t>(needle.data() + store::NeedleLayout::header_crc, 0);
    const std::uint32_t sum =
        crc32c(store::checksum_seed(kStore, kPlace), ByteSpan(needle).first(header_bytes));
    store_le(needle.data() + store::NeedleLayout::header_crc, sum);
  }
  const auto header = store::decode_needle_header(kStore, kPlace, needle);
  if (!header.ok()) return false;
  CIAOS_ASSERT(header->payload_bytes <= store::kTxnPayloadBytesMax);
  const std::uint64_t begin = store::payload_position(kPlace.offset, header->payload_bytes) - kPlace.offset;
  if (begin + header->payload_bytes <= needle.size())
    (void)store::verify_payload(kStore, *header, 0, ByteSpan(needle).subspan(begin, header->payload_bytes))
        .ok();
  return true;
}

// --- payloads of txn needles ---

ByteVector example_txn(std::uint64_t seed) {
  Random random(seed);
  store::TxnHeader header;
  header.opening = random.chance(30);
  header.previous_digest = {random.next(), random.next()};
  header.previous_epoch = Epoch(3);
  header.resume = random_position(random);
  header.nonce = header.opening ? random.next() : 0;
  for (std::uint64_t i = random.below(4); i > 0; --i) {
    const std::uint64_t begin = 8 * random.below(10'000);
    header.ranges.push_back({.volume = make_volume_id(0, static_cast<std::uint32_t>(i)),
                             .generation = Generation(1),
                             .begin = begin,
                             .end = begin + 6400,
                             .needles = 1 + random.below(90),
                             .digest = {random.next(), random.next()}});
  }
  const std::string records = random.bytes(random.below(300));
  ByteVector payload = store::encode_txn_header(header, records.size());
  payload.insert(payload.end(), as_bytes(records).begin(), as_bytes(records).end());
  return payload;
}

bool decode_txn(ByteSpan bytes) {
  const auto decoded = store::decode_txn_payload(bytes);
  if (!decoded.ok()) return false;
  CIAOS_ASSERT(decoded->header.ranges.size() <= store::kBatchRangesMax);
  ByteVector again = store::encode_txn_header(decoded->header, decoded->records.size());
  again.insert(again.end(), decoded->records.begin(), decoded->records.end());
  CIAOS_ASSERT(std::ranges::equal(again, bytes));
  return true;
}

// --- records and snapshots ---

ByteVector example_changes(std::uint64_t seed) {
  Random random(seed);
  return meta::encode_changes(meta::test::random_changes(random, 1 + random.below(60)));
}

bool decode_changes(ByteSpan bytes) {
  const auto decoded = meta::decode_changes(bytes);
  if (!decoded.ok()) return false;
  CIAOS_ASSERT(decoded->count() <= meta::kRecordsMax);
  const auto again = meta::decode_changes(meta::encode_changes(*decoded));
  CIAOS_ASSERT(again.ok() && *again == *decoded);
  return true;
}

ByteVector example_piece(std::uint64_t seed) {
  Random random(seed);
  return meta::encode_snapshot_piece(meta::test::random_rows(random, 1 + random.below(60)));
}

bool decode_piece(ByteSpan bytes) { return meta::decode_snapshot_piece(bytes).ok(); }

ByteVector example_directory(std::uint64_t seed) {
  Random random(seed);
  meta::SnapshotDirectory directory;
  directory.state = {Sequence(9), Epoch(2), {1, 2}, random_position(random), random_position(random)};
  directory.digest = {random.next(), random.next()};
  for (std::uint64_t i = random.below(5); i > 0; --i) {
    directory.pieces.push_back(
        {random_position(random), static_cast<std::uint32_t>(1 + random.below(9000)), 7});
    directory.bytes += directory.pieces.back().payload_bytes;
  }
  return meta::encode_snapshot_directory(directory);
}

bool decode_directory(ByteSpan bytes) {
  const auto decoded = meta::decode_snapshot_directory(bytes);
  if (!decoded.ok()) return false;
  CIAOS_ASSERT(std::ranges::equal(meta::encode_snapshot_directory(*decoded), bytes));
  return true;
}

// --- what lies beside the index ---

ByteVector example_damages(std::uint64_t seed) {
  Random random(seed);
  engine::Damage damage;
  damage.at = random_position(random);
  damage.code = EUCLEAN;
  damage.path = "/" + random.bytes(20);
  std::erase(damage.path, '\0');
  const std::string text = engine::encode_damages({damage, damage});
  return {as_bytes(text).begin(), as_bytes(text).end()};
}

bool decode_damages(ByteSpan bytes) {
  const auto decoded = engine::decode_damages(as_text(bytes));
  if (!decoded.ok()) return false;
  CIAOS_ASSERT(engine::decode_damages(engine::encode_damages(*decoded)).ok());
  return true;
}

constexpr Decoder kDecoders[] = {
    {"Superblock", example_superblock, decode_superblock},
    {"Needle", example_needle, decode_needle},
    {"Txn", example_txn, decode_txn},
    {"Changes", example_changes, decode_changes},
    {"SnapshotPiece", example_piece, decode_piece},
    {"SnapshotDirectory", example_directory, decode_directory},
    {"Damages", example_damages, decode_damages},
};

}  // namespace

std::span<const Decoder> device_decoders() { return kDecoders; }

}  // namespace ciaos::fuzz
