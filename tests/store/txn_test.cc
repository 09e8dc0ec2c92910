#include <gtest/gtest.h>

#include "store/needle.h"

namespace ciaos::store {
namespace {

TxnHeader some_header() {
  TxnHeader header;
  header.opening = true;
  header.previous_digest = {11, 12};
  header.previous_epoch = Epoch(4);
  header.resume = {VolumeId(8), Generation(1), 3 * kBlockBytes};
  header.nonce = 99;
  header.ranges.push_back({VolumeId(7), Generation(1), 4096, 8192, 3, {1, 2}});
  header.ranges.push_back({VolumeId(8), Generation(1), 0, 12000, 1, {3, 4}});
  return header;
}

ByteVector payload_of(const TxnHeader& header, std::string_view records) {
  ByteVector payload = encode_txn_header(header, records.size());
  payload.insert(payload.end(), as_bytes(records).begin(), as_bytes(records).end());
  return payload;
}

TEST(Txn, SaysWhatWasWritten) {
  const ByteVector payload = payload_of(some_header(), "records");
  const auto txn = decode_txn_payload(payload);
  ASSERT_TRUE(txn.ok());
  EXPECT_EQ(txn->header, some_header());
  EXPECT_EQ(as_text(txn->records), "records");
}

TEST(Txn, WithoutRangesOrRecordsIsWhole) {
  const ByteVector payload = payload_of(TxnHeader{}, "");
  const auto txn = decode_txn_payload(payload);
  ASSERT_TRUE(txn.ok());
  EXPECT_EQ(txn->header, TxnHeader{});
  EXPECT_TRUE(txn->records.empty());
}

TEST(Txn, AnyOtherLengthThanItsPartsIsRefused) {
  ByteVector payload = payload_of(some_header(), "records");
  for (std::size_t size = 0; size < payload.size(); ++size) {
    EXPECT_EQ(decode_txn_payload(ByteSpan(payload).first(size)).code(), EUCLEAN) << size;
  }
  payload.push_back(std::byte{0});
  EXPECT_EQ(decode_txn_payload(payload).code(), EUCLEAN);
}

TEST(Txn, MoreRangesThanTheLimitAreRefusedBeforeTheyAreRead) {
  ByteVector payload = payload_of(some_header(), "records");
  store_le(payload.data() + TxnLayout::range_count, kBatchRangesMax + 1);
  EXPECT_EQ(decode_txn_payload(payload).code(), EUCLEAN);
  store_le(payload.data() + TxnLayout::range_count, 0xFFFFFFFFu);
  EXPECT_EQ(decode_txn_payload(payload).code(), EUCLEAN);
}

TEST(Txn, RecordBytesThatWrapAroundAreRefused) {
  ByteVector payload = payload_of(some_header(), "records");
  store_le(payload.data() + TxnLayout::record_bytes, ~std::uint64_t{0} - 100);
  EXPECT_EQ(decode_txn_payload(payload).code(), EUCLEAN);
}

TEST(Txn, RangeOutOfBoundsIsRefused) {
  const auto refused = [](auto change) {
    TxnHeader header = some_header();
    change(header.ranges[1]);
    return decode_txn_payload(payload_of(header, "")).code();
  };
  EXPECT_EQ(refused([](BatchRange& r) { r.begin = 4; }), EUCLEAN);
  EXPECT_EQ(refused([](BatchRange& r) { r.end = r.begin; }), EUCLEAN);
  EXPECT_EQ(refused([](BatchRange& r) { r.end = kVolumeBytesMax + 1; }), EUCLEAN);
  EXPECT_EQ(refused([](BatchRange& r) { r.needles = 0; }), EUCLEAN);
  EXPECT_EQ(refused([](BatchRange& r) { r.needles = r.end / NeedleLayout::bytes + 1; }), EUCLEAN);
}

TEST(Txn, ResumeOffABlockIsRefused) {
  TxnHeader header = some_header();
  header.resume.offset += 8;
  EXPECT_EQ(decode_txn_payload(payload_of(header, "")).code(), EUCLEAN);
}

TEST(Txn, FlagOfALaterVersionIsNotGuessedAt) {
  ByteVector payload = payload_of(some_header(), "");
  store_le(payload.data() + TxnLayout::flags, 2u);
  EXPECT_EQ(decode_txn_payload(payload).code(), ENOTSUP);
}

}  // namespace
}  // namespace ciaos::store
