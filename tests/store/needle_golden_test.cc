// The bytes of doc/format.md, written down by hand: a round trip would not notice a format that changed on both sides.
// The checksums were computed by a program that shares no code with this one.
#include <gtest/gtest.h>

#include <numeric>
#include <string>

#include "store/needle.h"

namespace ciaos::store {
namespace {

std::string hex(ByteSpan bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const std::byte byte : bytes) {
    out += kDigits[std::to_integer<unsigned>(byte) >> 4];
    out += kDigits[std::to_integer<unsigned>(byte) & 15];
  }
  return out;
}

std::string hex(const ByteVector& bytes, std::size_t at, std::size_t count) {
  return hex(ByteSpan(bytes).subspan(at, count));
}

const VolumePosition kHere{make_volume_id(1, 5), Generation(2), 4096 + 24};

Uuid some_store() {
  Uuid uuid;
  std::iota(uuid.bytes.begin(), uuid.bytes.end(), std::uint8_t{1});
  return uuid;
}

TEST(NeedleGolden, SeedBindsStoreVolumeGenerationAndOffset) {
  EXPECT_EQ(checksum_seed(some_store(), kHere), 0x0EB02C46u);
}

TEST(NeedleGolden, Bytes) {
  ByteVector payload(4100);
  for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<std::byte>(i * 7);
  NeedleHeader header;
  header.kind = NeedleKind::data;
  header.payload_bytes = 4100;
  header.epoch = Epoch(0x1112131415161718);
  header.sequence = Sequence(0x2122232425262728);
  header.at = kHere;
  header.inode = InodeId(0x3132333435363738);
  header.file_offset = 0x4142434445464748;
  ByteVector bytes(header.end() - kHere.offset);
  const ByteSpan parts[] = {payload};
  encode_needle(some_store(), header, parts, bytes);

  ASSERT_EQ(bytes.size(), 64u + 8 + 4100);
  EXPECT_EQ(hex(bytes, 0, 4), "434e444c");           // magic "CNDL"
  EXPECT_EQ(hex(bytes, 4, 2), "0100");               // version
  EXPECT_EQ(hex(bytes, 6, 1), "01");                 // kind: data
  EXPECT_EQ(hex(bytes, 7, 1), "00");                 // flags
  EXPECT_EQ(hex(bytes, 8, 4), "532cc617");           // header checksum
  EXPECT_EQ(hex(bytes, 12, 4), "04100000");          // payload bytes
  EXPECT_EQ(hex(bytes, 16, 8), "1817161514131211");  // epoch
  EXPECT_EQ(hex(bytes, 24, 8), "2827262524232221");  // sequence
  EXPECT_EQ(hex(bytes, 32, 4), "05000001");          // volume: device 1, slot 5
  EXPECT_EQ(hex(bytes, 36, 4), "02000000");          // generation
  EXPECT_EQ(hex(bytes, 40, 8), "3837363534333231");  // inode
  EXPECT_EQ(hex(bytes, 48, 8), "4847464544434241");  // file offset
  EXPECT_EQ(hex(bytes, 56, 8), "0000000000000000");  // reserved
  EXPECT_EQ(hex(bytes, 64, 8), "04c5bbc254153ed2");  // checksums of the two pieces
  EXPECT_EQ(hex(bytes, 72, 4), "00070e15");          // payload
  EXPECT_EQ(hex(bytes, 72 + 4096, 4), "00070e15");   // 4096 * 7 is 0 modulo 256
}

TEST(NeedleGolden, PaddingBeforeAnAlignedPayloadIsZeros) {
  const ByteVector payload(65536, std::byte{0xAB});
  NeedleHeader header;
  header.kind = NeedleKind::snapshot;
  header.payload_bytes = 65536;
  header.at = kHere;
  ByteVector bytes(header.end() - kHere.offset, std::byte{0xEE});
  const ByteSpan parts[] = {payload};
  encode_needle(some_store(), header, parts, bytes);
  ASSERT_EQ(bytes.size(), 4096u - 24 + 65536);
  EXPECT_EQ(hex(bytes, 6, 1), "03");  // kind: snapshot
  for (std::size_t i = 64 + 16 * 4; i < 4096 - 24; ++i) ASSERT_EQ(bytes[i], std::byte{0}) << i;
  EXPECT_EQ(bytes[4096 - 24], std::byte{0xAB});
}

TEST(TxnGolden, Bytes) {
  TxnHeader header;
  header.opening = true;
  header.previous_digest = {0x0102030405060708, 0x1112131415161718};
  header.previous_epoch = Epoch(0x2122232425262728);
  header.resume = {make_volume_id(3, 9), Generation(4), 0x5000};
  header.nonce = 0x3132333435363738;
  header.ranges.push_back(
      {make_volume_id(2, 7), Generation(6), 0x1008, 0x2030, 5, {0x4142434445464748, 0x5152535455565758}});
  const ByteVector bytes = encode_txn_header(header, 0x99);

  ASSERT_EQ(bytes.size(), 64u + 48);
  EXPECT_EQ(hex(bytes, 0, 4), "01000000");                            // flags: opening
  EXPECT_EQ(hex(bytes, 4, 4), "01000000");                            // ranges
  EXPECT_EQ(hex(bytes, 8, 16), "08070605040302011817161514131211");   // digest of the txn needle before
  EXPECT_EQ(hex(bytes, 24, 8), "2827262524232221");                   // its epoch
  EXPECT_EQ(hex(bytes, 32, 4), "09000003");                           // resume: volume
  EXPECT_EQ(hex(bytes, 36, 4), "04000000");                           // resume: generation
  EXPECT_EQ(hex(bytes, 40, 8), "0050000000000000");                   // resume: offset
  EXPECT_EQ(hex(bytes, 48, 8), "3837363534333231");                   // nonce
  EXPECT_EQ(hex(bytes, 56, 8), "9900000000000000");                   // bytes of records
  EXPECT_EQ(hex(bytes, 64, 4), "07000002");                           // range: volume
  EXPECT_EQ(hex(bytes, 68, 4), "06000000");                           // range: generation
  EXPECT_EQ(hex(bytes, 72, 8), "0810000000000000");                   // range: begin
  EXPECT_EQ(hex(bytes, 80, 8), "3020000000000000");                   // range: end
  EXPECT_EQ(hex(bytes, 88, 8), "0500000000000000");                   // range: needles
  EXPECT_EQ(hex(bytes, 96, 16), "48474645444342415857565554535251");  // range: digest of the headers
}

}  // namespace
}  // namespace ciaos::store
