#include "store/superblock.h"

#include <gtest/gtest.h>

#include "base/crc32c.h"

namespace ciaos::store {
namespace {

using Layout = SuperblockLayout;

Superblock directory_example() {
  Superblock s;
  s.counter = 4;
  s.epoch = Epoch(3);
  s.uuid.bytes.fill(0x5A);
  s.volume_bytes = 1 << 22;
  s.log_start = {make_volume_id(0, 0), Generation(1), 0};
  return s;
}

Superblock raw_example() {
  Superblock s = directory_example();
  s.kind = StoreKind::raw;
  s.slot_count = 8;
  s.slots_begin = kSlotsBegin;
  s.device_bytes = kSlotsBegin + 8 * s.volume_bytes + kBlockBytes;
  s.snapshot = NeedlePlace{{make_volume_id(0, 3), Generation(2), 8192}, 5000, 77};
  return s;
}

ByteVector encoded(const Superblock& superblock) {
  ByteVector block(kBlockBytes);
  encode_superblock(superblock, block);
  return block;
}

// A block whose checksum is right and one field is not: what a bug or a forger would write.
template <typename T>
int code_with(const Superblock& superblock, std::size_t offset, T value) {
  ByteVector block = encoded(superblock);
  store_le(block.data() + offset, value);
  store_le(block.data() + Layout::crc, std::uint32_t{0});
  store_le(block.data() + Layout::crc, crc32c(0, block));
  return decode_superblock(block).code();
}

TEST(Superblock, ComesBackAsItWasWritten) {
  Superblock full = raw_example();
  full.label = std::string(64, 'l');
  full.index_path = std::string(1023, 'p');
  for (const Superblock& s : {directory_example(), raw_example(), full}) {
    const Result<Superblock> back = decode_superblock(encoded(s));
    ASSERT_TRUE(back.ok()) << to_string(back.error());
    EXPECT_EQ(s, *back);
  }
}

TEST(Superblock, EveryFlippedBitIsNoticed) {
  const ByteVector block = encoded(raw_example());
  for (std::size_t bit = 0; bit < block.size() * 8; ++bit) {
    ByteVector damaged = block;
    damaged[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    EXPECT_EQ(bit < 64 ? ENODATA : EUCLEAN, decode_superblock(damaged).code()) << "bit " << bit;
  }
}

TEST(Superblock, ForeignBlockIsNotOurs) {
  EXPECT_EQ(ENODATA, decode_superblock(ByteVector(kBlockBytes)).code());
}

TEST(Superblock, NewerVersionsAndUnknownFeaturesAreRefusedNotGuessed) {
  EXPECT_EQ(ENOTSUP, code_with(raw_example(), Layout::version, kSuperblockVersion + 1));
  EXPECT_EQ(EUCLEAN, code_with(raw_example(), Layout::version, std::uint32_t{0}));
  EXPECT_EQ(ENOTSUP, code_with(raw_example(), Layout::features, std::uint64_t{1} << 63));
}

TEST(Superblock, IdentityOutOfBoundsIsDamage) {
  EXPECT_EQ(EUCLEAN, code_with(raw_example(), Layout::counter, std::uint64_t{0}));
  EXPECT_EQ(EUCLEAN, code_with(raw_example(), Layout::epoch, std::uint64_t{0}));
  EXPECT_EQ(EUCLEAN, code_with(raw_example(), Layout::kind, std::uint32_t{0}));
  EXPECT_EQ(EUCLEAN, code_with(raw_example(), Layout::kind, std::uint32_t{3}));
  EXPECT_EQ(EUCLEAN, code_with(raw_example(), Layout::device_index, std::uint32_t{1}));
  EXPECT_EQ(EUCLEAN, code_with(raw_example(), Layout::device_count, std::uint32_t{0}));
  EXPECT_EQ(EUCLEAN, code_with(raw_example(), Layout::device_count, kDevicesMax + 1));
  Superblock nameless = raw_example();
  ByteVector block = encoded(nameless);
  std::fill_n(block.begin() + Layout::uuid, 16, std::byte{0});
  store_le(block.data() + Layout::crc, std::uint32_t{0});
  store_le(block.data() + Layout::crc, crc32c(0, block));
  EXPECT_EQ(EUCLEAN, decode_superblock(block).code());
}

TEST(Superblock, GeometryOutOfBoundsIsDamage) {
  for (const std::uint64_t bytes :
       {std::uint64_t{0}, std::uint64_t{3} << 20, kVolumeBytesMin / 2, kVolumeBytesMax * 2}) {
    EXPECT_EQ(EUCLEAN, code_with(directory_example(), Layout::volume_bytes, bytes)) << bytes;
  }
  const Superblock raw = raw_example();
  EXPECT_EQ(EUCLEAN, code_with(raw, Layout::slot_count, std::uint32_t{0}));
  EXPECT_EQ(EUCLEAN, code_with(raw, Layout::slot_count, std::uint32_t{9}));
  EXPECT_EQ(EUCLEAN, code_with(raw, Layout::slot_count, ~std::uint32_t{0}));
  EXPECT_EQ(EUCLEAN, code_with(raw, Layout::volume_bytes, kVolumeBytesMax));
  EXPECT_EQ(EUCLEAN, code_with(raw, Layout::device_bytes, raw.device_bytes - kBlockBytes));
  EXPECT_EQ(EUCLEAN, code_with(raw, Layout::device_bytes, std::uint64_t{0}));
  EXPECT_EQ(EUCLEAN, code_with(raw, Layout::slots_begin, std::uint64_t{0}));
  EXPECT_EQ(EUCLEAN, code_with(raw, Layout::slots_begin, kSlotsBegin + 1));
  EXPECT_EQ(EUCLEAN, code_with(raw, Layout::slots_begin, kSlotsBegin + kBlockBytes));
  EXPECT_EQ(EUCLEAN, code_with(directory_example(), Layout::slot_count, std::uint32_t{1}));
  EXPECT_EQ(EUCLEAN, code_with(directory_example(), Layout::device_bytes, std::uint64_t{4096}));
  EXPECT_EQ(EUCLEAN, code_with(directory_example(), Layout::slots_begin, std::uint64_t{4096}));
}

TEST(Superblock, PositionsOutOfBoundsAreDamage) {
  const Superblock raw = raw_example();
  EXPECT_EQ(EUCLEAN, code_with(raw, Layout::log_volume, make_volume_id(1, 0).value()));
  EXPECT_EQ(EUCLEAN, code_with(raw, Layout::log_volume, make_volume_id(0, 8).value()));
  EXPECT_EQ(EUCLEAN, code_with(raw, Layout::log_generation, std::uint32_t{0}));
  EXPECT_EQ(EUCLEAN, code_with(raw, Layout::log_offset, raw.volume_bytes));
  EXPECT_EQ(EUCLEAN, code_with(raw, Layout::log_offset, std::uint64_t{4}));
  EXPECT_EQ(EUCLEAN, code_with(raw, Layout::snapshot_volume, make_volume_id(1, 0).value()));
  EXPECT_EQ(EUCLEAN, code_with(raw, Layout::snapshot_volume, make_volume_id(0, 8).value()));
  EXPECT_EQ(EUCLEAN, code_with(raw, Layout::snapshot_generation, std::uint32_t{0}));
  EXPECT_EQ(EUCLEAN, code_with(raw, Layout::snapshot_offset, raw.volume_bytes - 4096));
  EXPECT_EQ(EUCLEAN, code_with(raw, Layout::snapshot_payload_bytes, kSnapshotPayloadBytesMax + 1));
  EXPECT_EQ(EUCLEAN, code_with(raw, Layout::snapshot_payload_bytes, std::uint32_t{0}));
  EXPECT_EQ(EUCLEAN, code_with(directory_example(), Layout::snapshot_header_crc, std::uint32_t{1}));
}

TEST(Superblock, TextEndsInsideItsFieldAndIsFollowedByZeros) {
  EXPECT_EQ(EUCLEAN, code_with(raw_example(), Layout::label + 1, std::uint8_t{'x'}));
  EXPECT_EQ(EUCLEAN, code_with(raw_example(), Layout::index_path + 5, std::uint8_t{'x'}));
  EXPECT_EQ(EUCLEAN, code_with(raw_example(), Layout::used, std::uint8_t{1}));
  EXPECT_EQ(EUCLEAN, code_with(raw_example(), kBlockBytes - 1, std::uint8_t{1}));
  ByteVector block = encoded(raw_example());
  std::fill_n(block.begin() + Layout::index_path, 1024, std::byte{'p'});
  store_le(block.data() + Layout::crc, std::uint32_t{0});
  store_le(block.data() + Layout::crc, crc32c(0, block));
  EXPECT_EQ(EUCLEAN, decode_superblock(block).code());
}

}  // namespace
}  // namespace ciaos::store
