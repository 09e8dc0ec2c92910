#include "meta/snapshot.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include "support/random_changes.h"

namespace ciaos::meta {
namespace {

using ciaos::test::Random;

SnapshotDirectory some_directory() {
  SnapshotDirectory directory;
  directory.state.sequence = Sequence(3);
  directory.state.epoch = Epoch(2);
  directory.state.digest = {0x11, 0x22};
  directory.state.at = {make_volume_id(0, 1), Generation(1), 0x1000};
  directory.state.resume = {make_volume_id(1, 2), Generation(4), 0x2000};
  directory.pieces.push_back({{make_volume_id(0, 3), Generation(5), 0x3000}, 0x100, 0xAABBCCDD});
  directory.pieces.push_back({{make_volume_id(0, 3), Generation(5), 0x4000}, 0x200, 0x01020304});
  directory.digest = {0x33, 0x44};
  directory.bytes = 0x300;
  return directory;
}

TEST(SnapshotDirectory, IsWhatTheDocumentTables) {
  ByteWriter golden;
  for (const std::uint32_t head : {1u, 2u}) golden.number(head);  // version, pieces
  for (const std::uint64_t number : {3ull, 2ull, 0x11ull, 0x22ull})
    golden.number(number);          // sequence, epoch, digest
  golden.number(std::uint32_t{1});  // the txn needle
  golden.number(std::uint32_t{1});
  golden.number(std::uint64_t{0x1000});
  golden.number(std::uint32_t{0x01000002});  // where the log goes on
  golden.number(std::uint32_t{4});
  golden.number(std::uint64_t{0x2000});
  for (const std::uint64_t number : {0x33ull, 0x44ull, 0x300ull}) golden.number(number);  // digest, bytes
  golden.number(std::uint32_t{3});
  golden.number(std::uint32_t{5});
  golden.number(std::uint64_t{0x3000});
  golden.number(std::uint32_t{0x100});
  golden.number(std::uint32_t{0xAABBCCDD});
  golden.number(std::uint32_t{3});
  golden.number(std::uint32_t{5});
  golden.number(std::uint64_t{0x4000});
  golden.number(std::uint32_t{0x200});
  golden.number(std::uint32_t{0x01020304});
  EXPECT_EQ(encode_snapshot_directory(some_directory()), golden.buffer());
  EXPECT_EQ(*decode_snapshot_directory(golden.buffer()), some_directory());
}

TEST(SnapshotDirectory, OfAnEmptyIndexHasNoPieces) {
  SnapshotDirectory empty;
  empty.state.sequence = Sequence(1);
  EXPECT_EQ(*decode_snapshot_directory(encode_snapshot_directory(empty)), empty);
}

TEST(SnapshotDirectory, RefusesEveryOtherLength) {
  ByteVector payload = encode_snapshot_directory(some_directory());
  for (std::size_t kept = 0; kept < payload.size(); ++kept) {
    EXPECT_EQ(decode_snapshot_directory(ByteSpan(payload).first(kept)).code(), EUCLEAN) << kept;
  }
  payload.push_back(std::byte{0});
  EXPECT_EQ(decode_snapshot_directory(payload).code(), EUCLEAN);
}

TEST(SnapshotDirectory, RefusesACountThatNoPayloadHolds) {
  ByteVector payload = encode_snapshot_directory(some_directory());
  store_le(payload.data() + 4, std::uint32_t{0xFFFFFFFF});
  EXPECT_EQ(decode_snapshot_directory(payload).code(), EUCLEAN);
}

TEST(SnapshotDirectory, RefusesSizesThatDoNotAddUp) {
  SnapshotDirectory directory = some_directory();
  directory.bytes += 1;
  EXPECT_EQ(decode_snapshot_directory(encode_snapshot_directory(directory)).code(), EUCLEAN);
}

TEST(SnapshotDirectory, RefusesVersionsOfTomorrow) {
  ByteVector payload = encode_snapshot_directory(some_directory());
  store_le(payload.data(), std::uint32_t{2});
  EXPECT_EQ(decode_snapshot_directory(payload).code(), ENOTSUP);
}

TEST(SnapshotPiece, GivesItsRowsBack) {
  const auto [first, last] = ciaos::test::seeds_to_run(20);
  for (std::uint64_t seed = first; seed < last; ++seed) {
    SCOPED_TRACE("CIAOS_SEED=" + std::to_string(seed));
    Random random(seed);
    const Changes rows = test::random_rows(random, 200);
    auto decoded = decode_snapshot_piece(encode_snapshot_piece(rows));
    ASSERT_TRUE(decoded.ok()) << to_string(decoded.error());
    EXPECT_EQ(*decoded, rows);
  }
}

TEST(SnapshotPiece, AnyDamagedByteIsFound) {
  Random random(5);
  const ByteVector sound = encode_snapshot_piece(test::random_rows(random, 60));
  const Changes rows = *decode_snapshot_piece(sound);
  for (std::size_t at = 0; at < sound.size(); at += 1 + sound.size() / 2000) {
    ByteVector damaged = sound;
    damaged[at] ^= std::byte{0x40};
    const auto decoded = decode_snapshot_piece(damaged);
    // A few bits of a zstd frame mean nothing; then the rows are still the same.
    if (decoded.ok())
      EXPECT_EQ(*decoded, rows) << at;
    else
      EXPECT_EQ(decoded.code(), at == 0 ? ENOTSUP : EUCLEAN) << at;
  }
}

TEST(SnapshotPiece, CutsAndAppendagesAreRefused) {
  Random random(6);
  ByteVector payload = encode_snapshot_piece(test::random_rows(random, 20));
  EXPECT_EQ(decode_snapshot_piece({}).code(), EUCLEAN);
  for (std::size_t kept = 0; kept < payload.size(); kept += 1 + kept / 32) {
    EXPECT_EQ(decode_snapshot_piece(ByteSpan(payload).first(kept)).code(), EUCLEAN) << kept;
  }
  payload.push_back(std::byte{0});
  EXPECT_EQ(decode_snapshot_piece(payload).code(), EUCLEAN);
}

ByteVector compressed_zeros(std::size_t bytes) {
  const ByteVector zeros(bytes);
  ByteVector payload(1 + ZSTD_compressBound(bytes));
  payload[0] = std::byte{1};
  payload.resize(1 + ZSTD_compress(payload.data() + 1, payload.size() - 1, zeros.data(), zeros.size(), 1));
  return payload;
}

TEST(SnapshotPiece, ABombIsRefusedBeforeMemoryIsTakenForIt) {
  const auto decoded = decode_snapshot_piece(compressed_zeros((64u << 20) + 1));
  ASSERT_EQ(decoded.code(), EUCLEAN);
  EXPECT_NE(decoded.error().context.find("too large"), std::string::npos);
}

TEST(SnapshotPiece, AFrameThatHoldsNoRecordsIsRefused) {
  EXPECT_EQ(decode_snapshot_piece(compressed_zeros(100)).code(), EUCLEAN);
  EXPECT_EQ(decode_snapshot_piece(compressed_zeros(0)).code(), EUCLEAN);
}

}  // namespace
}  // namespace ciaos::meta
