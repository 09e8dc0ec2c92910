#include "store/needle.h"

#include <gtest/gtest.h>

#include <numeric>

namespace ciaos::store {
namespace {

Uuid some_store() {
  Uuid uuid;
  std::iota(uuid.bytes.begin(), uuid.bytes.end(), std::uint8_t{1});
  return uuid;
}

ByteVector pattern(std::size_t bytes) {
  ByteVector out(bytes);
  for (std::size_t i = 0; i < bytes; ++i) out[i] = static_cast<std::byte>(i * 7 + i / 251);
  return out;
}

struct Encoded {
  NeedleHeader header;
  ByteVector bytes;
};

Encoded encode(const ByteVector& payload, const VolumePosition& at, NeedleKind kind = NeedleKind::data) {
  Encoded out;
  out.header.kind = kind;
  out.header.payload_bytes = static_cast<std::uint32_t>(payload.size());
  out.header.epoch = Epoch(3);
  out.header.sequence = Sequence(9);
  out.header.at = at;
  out.header.inode = InodeId(77);
  out.header.file_offset = 1 << 20;
  out.bytes.resize(out.header.end() - at.offset);
  const ByteSpan parts[] = {payload};
  encode_needle(some_store(), out.header, parts, out.bytes);
  return out;
}

// Zero when header and payload verify, else the errno that a reader would see.
int read_back(const ByteVector& bytes, const VolumePosition& at, const Uuid& store = some_store()) {
  const auto header = decode_needle_header(store, at, bytes);
  if (!header.ok()) return header.code();
  const std::uint64_t begin = payload_position(at.offset, header->payload_bytes) - at.offset;
  if (begin + header->payload_bytes > bytes.size()) return EUCLEAN;
  return verify_payload(store, *header, 0, ByteSpan(bytes).subspan(begin, header->payload_bytes)).code();
}

const VolumePosition kHere{VolumeId(5), Generation(2), 4096 + 24};

TEST(Needle, SaysWhatWasWritten) {
  for (const std::size_t bytes : {1u, 4095u, 4096u, 4097u, 65535u, 65536u, 1048576u}) {
    const Encoded needle = encode(pattern(bytes), kHere);
    const auto header = decode_needle_header(some_store(), kHere, needle.bytes);
    ASSERT_TRUE(header.ok()) << bytes;
    EXPECT_EQ(header->kind, NeedleKind::data);
    EXPECT_EQ(header->payload_bytes, bytes);
    EXPECT_EQ(header->epoch, Epoch(3));
    EXPECT_EQ(header->sequence, Sequence(9));
    EXPECT_EQ(header->inode, InodeId(77));
    EXPECT_EQ(header->file_offset, 1u << 20);
    EXPECT_EQ(header->place(), needle.header.place());
    EXPECT_EQ(header->payload_crcs, needle.header.payload_crcs);
    EXPECT_EQ(read_back(needle.bytes, kHere), 0);
  }
}

TEST(Needle, PartsOfAPayloadAreOnePayload) {
  const ByteVector payload = pattern(10000);
  const Encoded whole = encode(payload, kHere);
  NeedleHeader header = whole.header;
  ByteVector bytes(whole.bytes.size());
  const ByteSpan parts[] = {
      ByteSpan(payload).first(1), {}, ByteSpan(payload).subspan(1, 5000), ByteSpan(payload).subspan(5001)};
  encode_needle(some_store(), header, parts, bytes);
  EXPECT_EQ(bytes, whole.bytes);
}

TEST(Needle, LargePayloadStartsOnABlock) {
  EXPECT_EQ(payload_position(24, kAlignedPayloadBytes) % kBlockBytes, 0u);
  EXPECT_EQ(payload_position(24, kAlignedPayloadBytes - 1),
            24 + needle_header_bytes(kAlignedPayloadBytes - 1));
}

TEST(Needle, BoundHoldsWhereverItStarts) {
  for (std::uint64_t offset = 0; offset < 2 * kBlockBytes; ++offset) {
    for (const std::uint64_t bytes : {1u, 100u, 65535u, 65536u, 1048576u}) {
      const std::uint64_t start = align_up(offset, kNeedleAlignment);
      EXPECT_LE(needle_end(start, bytes) - offset, needle_bytes_bound(bytes));
    }
  }
}

TEST(Needle, EveryFlippedBitIsSeen) {
  const Encoded needle = encode(pattern(150), kHere);
  for (std::size_t bit = 0; bit < needle.bytes.size() * 8; ++bit) {
    ByteVector damaged = needle.bytes;
    damaged[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    EXPECT_NE(read_back(damaged, kHere), 0) << "bit " << bit;
  }
}

TEST(Needle, IsCorruptAtAnyAddressButItsOwn) {
  const Encoded needle = encode(pattern(150), kHere);
  VolumePosition elsewhere = kHere;
  elsewhere.offset += 8;
  EXPECT_EQ(read_back(needle.bytes, elsewhere), EUCLEAN);
  elsewhere = kHere;
  elsewhere.volume = VolumeId(6);
  EXPECT_EQ(read_back(needle.bytes, elsewhere), EUCLEAN);
}

TEST(Needle, OfAnEarlierLifeOfItsVolumeIsCorrupt) {
  const Encoded needle = encode(pattern(150), kHere);
  VolumePosition next_life = kHere;
  next_life.generation = Generation(3);
  EXPECT_EQ(read_back(needle.bytes, next_life), EUCLEAN);
}

TEST(Needle, OfAnotherStoreIsCorrupt) {
  const Encoded needle = encode(pattern(150), kHere);
  Uuid other = some_store();
  other.bytes[15] ^= 1;
  EXPECT_EQ(read_back(needle.bytes, kHere, other), EUCLEAN);
}

TEST(Needle, PayloadPieceOfAnotherAddressIsCorrupt) {
  // The same header bytes, the payload of a needle that was written elsewhere: what a misdirected write leaves.
  VolumePosition elsewhere = kHere;
  elsewhere.offset += kBlockBytes;
  const ByteVector payload = pattern(8192);
  const Encoded here = encode(payload, kHere);
  const Encoded there = encode(payload, elsewhere);
  EXPECT_NE(here.header.payload_crcs, there.header.payload_crcs);
}

TEST(Needle, ZerosAndTextAreNoNeedle) {
  EXPECT_EQ(decode_needle_header(some_store(), kHere, ByteVector(4096)).code(), ENODATA);
  EXPECT_EQ(decode_needle_header(some_store(), kHere, as_bytes("never a needle")).code(), ENODATA);
}

TEST(Needle, BytesThatEndInsideTheHeaderAskForMore) {
  const Encoded needle = encode(pattern(100000), kHere);
  const std::size_t header_bytes = needle_header_bytes(100000);
  for (std::size_t have = 4; have < header_bytes; ++have) {
    EXPECT_EQ(decode_needle_header(some_store(), kHere, ByteSpan(needle.bytes).first(have)).code(), EMSGSIZE);
  }
  EXPECT_TRUE(decode_needle_header(some_store(), kHere, ByteSpan(needle.bytes).first(header_bytes)).ok());
}

TEST(Needle, LengthBeyondEveryLimitIsRefusedBeforeItIsUsed) {
  Encoded needle = encode(pattern(10), kHere);
  for (const std::uint32_t bytes : {0u, kTxnPayloadBytesMax + 1, 0xFFFFFFFFu}) {
    store_le(needle.bytes.data() + NeedleLayout::payload_bytes, bytes);
    EXPECT_EQ(decode_needle_header(some_store(), kHere, needle.bytes).code(), EUCLEAN);
  }
}

TEST(Needle, DamagedPieceIsNamed) {
  const ByteVector payload = pattern(3 * kBlockBytes + 5);
  const Encoded needle = encode(payload, kHere);
  EXPECT_TRUE(
      verify_payload(some_store(), needle.header, 2, ByteSpan(payload).subspan(2 * kBlockBytes)).ok());
  ByteVector damaged = payload;
  damaged[2 * kBlockBytes + 17] ^= std::byte{1};
  EXPECT_TRUE(verify_payload(some_store(), needle.header, 0, ByteSpan(damaged).first(2 * kBlockBytes)).ok());
  const Status status =
      verify_payload(some_store(), needle.header, 1, ByteSpan(damaged).subspan(kBlockBytes));
  EXPECT_EQ(status.code(), EUCLEAN);
  EXPECT_NE(status.error().context.find("piece 2 "), std::string::npos) << status.error().context;
}

TEST(Needle, DigestLeavesThePaddingOut) {
  const Encoded needle = encode(pattern(70000), kHere);
  const std::size_t header_bytes = needle_header_bytes(70000);
  const ByteVector payload = pattern(70000);
  EXPECT_EQ(needle_digest(ByteSpan(needle.bytes).first(header_bytes), payload),
            needle_digest(ByteSpan(needle.bytes).first(header_bytes), ByteSpan(needle.bytes).last(70000)));
  ByteVector other = payload;
  other.back() ^= std::byte{1};
  EXPECT_NE(needle_digest(ByteSpan(needle.bytes).first(header_bytes), payload),
            needle_digest(ByteSpan(needle.bytes).first(header_bytes), other));
}

}  // namespace
}  // namespace ciaos::store
