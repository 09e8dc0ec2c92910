// The bytes of a superblock, offset by offset, as doc/format.md tables them: a change here is a change of format.
#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "store/superblock.h"

namespace ciaos::store {
namespace {

Superblock example() {
  Superblock s;
  s.counter = 0x0102030405060708;
  s.epoch = Epoch(0x1112131415161718);
  for (std::uint8_t i = 0; i < 16; ++i) s.uuid.bytes[i] = static_cast<std::uint8_t>(0xA0 + i);
  s.kind = StoreKind::raw;
  s.device_index = 2;
  s.device_count = 3;
  s.slot_count = 0x21;
  s.volume_bytes = 0x400000;
  s.device_bytes = 0x10000000;
  s.slots_begin = 0x100000;
  s.created_seconds = -2;
  s.log_start = {make_volume_id(2, 5), Generation(7), 0x1238};
  s.snapshot = NeedlePlace{{make_volume_id(1, 6), Generation(9), 0x2340}, 0x3456, 0xDEADBEEF};
  s.log_reached = Sequence(0x2122232425262728);
  s.label = "weights";
  s.index_path = "/fast/index";
  return s;
}

std::string hex(ByteSpan bytes) {
  std::string out;
  for (std::byte b : bytes) {
    out += "0123456789abcdef"[static_cast<unsigned>(b) >> 4];
    out += "0123456789abcdef"[static_cast<unsigned>(b) & 15];
  }
  return out;
}

TEST(SuperblockGolden, EveryFieldHasItsOffset) {
  ByteVector block(4096);
  encode_superblock(example(), block);
  const auto at = [&](std::size_t offset, std::size_t bytes) {
    return hex(ByteSpan(block).subspan(offset, bytes));
  };
  EXPECT_EQ("4349414f53465331", at(0, 8)) << "magic";
  EXPECT_EQ("02000000", at(8, 4)) << "version";
  EXPECT_EQ("0000000000000000", at(16, 8)) << "features";
  EXPECT_EQ("0807060504030201", at(24, 8)) << "counter";
  EXPECT_EQ("1817161514131211", at(32, 8)) << "epoch";
  EXPECT_EQ("a0a1a2a3a4a5a6a7a8a9aaabacadaeaf", at(40, 16)) << "uuid";
  EXPECT_EQ("02000000", at(56, 4)) << "kind";
  EXPECT_EQ("02000000", at(60, 4)) << "device index";
  EXPECT_EQ("03000000", at(64, 4)) << "device count";
  EXPECT_EQ("21000000", at(68, 4)) << "slot count";
  EXPECT_EQ("0000400000000000", at(72, 8)) << "volume bytes";
  EXPECT_EQ("0000001000000000", at(80, 8)) << "device bytes";
  EXPECT_EQ("0000100000000000", at(88, 8)) << "slots begin";
  EXPECT_EQ("feffffffffffffff", at(96, 8)) << "created";
  EXPECT_EQ("05000002", at(104, 4)) << "log volume";
  EXPECT_EQ("07000000", at(108, 4)) << "log generation";
  EXPECT_EQ("3812000000000000", at(112, 8)) << "log offset";
  EXPECT_EQ("06000001", at(120, 4)) << "snapshot volume";
  EXPECT_EQ("09000000", at(124, 4)) << "snapshot generation";
  EXPECT_EQ("4023000000000000", at(128, 8)) << "snapshot offset";
  EXPECT_EQ("56340000", at(136, 4)) << "snapshot payload bytes";
  EXPECT_EQ("efbeadde", at(140, 4)) << "snapshot header crc";
  EXPECT_EQ("77656967687473" + std::string(114, '0'), at(144, 64)) << "label";
  EXPECT_EQ("2f666173742f696e646578" + std::string(2026, '0'), at(208, 1024)) << "index path";
  EXPECT_EQ("2827262524232221", at(1232, 8)) << "log reached";
  EXPECT_EQ(std::string(2 * (4096 - 1240), '0'), at(1240, 4096 - 1240)) << "rest";
}

// Stores of version 1 open: the block is the same without the last field.
TEST(SuperblockGolden, VersionOneIsRead) {
  ByteVector block(4096);
  Superblock superblock = example();
  superblock.log_reached = Sequence{};
  encode_superblock(superblock, block);
  store_le(block.data() + 8, std::uint32_t{1});
  store_le(block.data() + 12, std::uint32_t{0});
  store_le(block.data() + 12, crc32c(0, block));
  const auto decoded = decode_superblock(block);
  ASSERT_TRUE(decoded.ok()) << to_string(decoded.error());
  EXPECT_EQ(superblock, *decoded);

  store_le(block.data() + 1232, std::uint64_t{5});
  store_le(block.data() + 12, std::uint32_t{0});
  store_le(block.data() + 12, crc32c(0, block));
  EXPECT_EQ(EUCLEAN, decode_superblock(block).code()) << "version 1 has zeros there";
}

TEST(SuperblockGolden, ChecksumIsOverTheBlockWithItselfZero) {
  ByteVector block(4096);
  encode_superblock(example(), block);
  const std::uint32_t crc = load_le<std::uint32_t>(block.data() + 12);
  store_le(block.data() + 12, std::uint32_t{0});
  EXPECT_EQ(crc32c(0, block), crc);
}

}  // namespace
}  // namespace ciaos::store
