#include "store/log_reader.h"

#include <gtest/gtest.h>

#include "log_store.h"
#include "store/memory_device.h"
#include "support/crash_device.h"

namespace ciaos::store {
namespace {

using test::LogStore;
using test::Random;
using test::ReadLog;
using test::text_of;

std::shared_ptr<MemoryDevice> memory() { return std::make_shared<MemoryDevice>(test::kDeviceBytes); }

// Where the first byte of a needle's payload lies.
VolumePosition payload_of(const NeedlePlace& place) {
  VolumePosition at = place.at;
  at.offset = payload_position(at.offset, place.payload_bytes);
  return at;
}

TEST(LogReader, EmptyLogEndsAtOnce) {
  LogStore log(memory());
  const ReadLog read = log.read_log();
  EXPECT_EQ(read.end, 0);
  EXPECT_TRUE(read.batches.empty());
  EXPECT_FALSE(read.torn);
  EXPECT_EQ(read.last, test::before_first());
}

TEST(LogReader, YieldsEveryBatchInOrderAcrossVolumes) {
  LogStore log(memory());
  log.start(test::before_first(), Epoch(1));
  Random random(1);
  std::vector<std::string> records;
  std::vector<TxnRef> refs;
  for (int batch = 0; batch < 40; ++batch) {
    for (std::uint64_t i = random.below(10); i > 0; --i) {
      ASSERT_TRUE(log.append(random.bytes(1 + random.below(65536))).ok());
    }
    records.push_back(random.bytes(random.below(20000)));
    refs.push_back(log.committed(records.back()));
  }
  EXPECT_GT(refs.back().at.volume, VolumeId(3));
  const ReadLog read = log.read_log();
  EXPECT_EQ(read.end, 0);
  EXPECT_FALSE(read.torn);
  ASSERT_EQ(read.batches.size(), records.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    EXPECT_EQ(text_of(read.batches[i]), records[i]);
    EXPECT_EQ(read.batches[i].ref, refs[i]);
    EXPECT_FALSE(read.batches[i].opening);
  }
  // From the middle it is the same log.
  const ReadLog rest = log.read_log(refs[19]);
  ASSERT_EQ(rest.batches.size(), 20u);
  EXPECT_EQ(rest.batches[0].ref, refs[20]);
}

TEST(LogReader, BatchThatSpansThreeVolumesIsOneBatch) {
  LogStore log(memory());
  log.start(test::before_first(), Epoch(1));
  while (log.writer().tail().volume == VolumeId(0)) ASSERT_TRUE(log.append(std::string(60000, 'x')).ok());
  const VolumeId second = log.writer().tail().volume;
  while (log.writer().tail().volume == second) ASSERT_TRUE(log.append(std::string(60000, 'y')).ok());
  log.committed("long");
  const ReadLog read = log.read_log();
  ASSERT_EQ(read.batches.size(), 1u);
  EXPECT_EQ(read.batches[0].ranges.size(), 3u);
  EXPECT_EQ(read.last.at.volume, VolumeId(0));
  log.committed("behind it");
  EXPECT_EQ(log.read_log().batches.size(), 2u);
}

TEST(LogReader, LastBatchWithADamagedPayloadIsTorn) {
  LogStore log(memory());
  log.start(test::before_first(), Epoch(1));
  log.committed("one");
  const NeedlePlace place = log.append(std::string(20000, 'x')).value();
  log.committed("two");
  log.stop();
  VolumePosition at = payload_of(place);
  at.offset += 15000;
  log.flip_bit(at);
  const ReadLog read = log.read_log();
  EXPECT_EQ(read.end, 0);
  EXPECT_EQ(read.batches.size(), 1u);
  EXPECT_TRUE(read.torn);
}

TEST(LogReader, DamagedNeedleOfAProvenBatchDoesNotEndTheLog) {
  LogStore log(memory());
  log.start(test::before_first(), Epoch(1));
  const NeedlePlace payload = log.append(std::string(20000, 'x')).value();
  const NeedlePlace header = log.append(std::string(20000, 'x')).value();
  log.committed("one");
  log.committed("two");
  log.stop();
  log.flip_bit(payload_of(payload));
  log.flip_bit(header.at);
  const ReadLog read = log.read_log();
  EXPECT_EQ(read.end, 0);
  EXPECT_EQ(read.batches.size(), 2u);
}

TEST(LogReader, DamagedLastTxnNeedleIsATornTail) {
  LogStore log(memory());
  log.start(test::before_first(), Epoch(1));
  log.committed("one");
  ASSERT_TRUE(log.append("data").ok());
  const TxnRef two = log.committed("two");
  log.stop();
  VolumePosition at = two.at;
  at.offset += 70;
  log.flip_bit(at);
  const ReadLog read = log.read_log();
  EXPECT_EQ(read.end, 0);
  EXPECT_EQ(read.batches.size(), 1u);
  EXPECT_TRUE(read.torn);
}

TEST(LogReader, MissingMiddleBatchIsDamageAndNoEnd) {
  LogStore log(memory());
  log.start(test::before_first(), Epoch(1));
  log.committed("one");
  const TxnRef two = log.committed("two");
  log.committed("three");
  log.stop();
  log.flip_bit(two.at);
  const ReadLog read = log.read_log();
  EXPECT_EQ(read.batches.size(), 1u);
  EXPECT_EQ(read.end, EUCLEAN);
}

TEST(LogReader, MissingBatchWhoseSuccessorLiesInTheNextVolumeIsDamage) {
  LogStore log(memory());
  log.start(test::before_first(), Epoch(1));
  log.committed("one");
  NeedlePlace place = log.append(std::string(60000, 'x')).value();
  while (log.writer().tail().volume == VolumeId(0)) ASSERT_TRUE(log.append(std::string(60000, 'x')).ok());
  log.committed("two");  // its txn needle is whole, its data is not
  const TxnRef three = log.committed("three");
  log.committed("four");
  log.stop();
  log.flip_bit(payload_of(place));
  log.flip_bit(three.at);
  EXPECT_EQ(log.read_log().end, EUCLEAN);
}

TEST(LogReader, ReadErrorIsNoEnd) {
  const auto plan = std::make_shared<test::CrashPlan>();
  const auto device = std::make_shared<test::CrashDevice>(test::kDeviceBytes, plan);
  LogStore log(device);
  log.start(test::before_first(), Epoch(1));
  log.committed("one");
  const TxnRef two = log.committed("two");
  log.stop();
  const std::uint64_t behind = test::position_on_device(two.resume) + 10 * kBlockBytes;
  device->fail_reads_in(behind, behind + 512);
  const ReadLog read = log.read_log();
  EXPECT_EQ(read.end, EIO);
}

TEST(LogReader, TailOfALowerEpochBehindAnOpeningBatchIsIgnored) {
  LogStore log(memory());
  log.start(test::before_first(), Epoch(1));
  const TxnRef one = log.committed("one");
  // A long torn batch 2 of epoch 1: its data needles and its txn needle stay behind the short opening batch.
  const NeedlePlace first = log.append(std::string(9000, 'x')).value();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(log.append(std::string(30000, 'x')).ok());
  log.committed("never finished");
  log.stop();
  log.flip_bit(payload_of(first));
  ASSERT_EQ(log.read_log().last, one);

  log.start(one, Epoch(2));
  const TxnRef opening = log.committed("", true);
  EXPECT_EQ(opening.sequence, Sequence(2));
  EXPECT_EQ(opening.at, one.resume);
  const ReadLog read = log.read_log();
  EXPECT_EQ(read.end, 0);
  EXPECT_EQ(read.last, opening);
  ASSERT_EQ(read.batches.size(), 2u);
  EXPECT_TRUE(read.batches[1].opening);
  const TxnRef next = log.committed("goes on");
  EXPECT_EQ(log.read_log().last, next);
}

TEST(LogReader, TornOpeningIsRepeated) {
  LogStore log(memory());
  log.start(test::before_first(), Epoch(1));
  const TxnRef one = log.committed("one");
  for (std::uint64_t epoch = 2; epoch < 6; ++epoch) {
    log.start(one, Epoch(epoch));
    const TxnRef opening = log.committed("", true);
    log.stop();
    log.flip_bit(opening.at);
    const ReadLog read = log.read_log();
    EXPECT_EQ(read.end, 0);
    EXPECT_EQ(read.last, one);
  }
  log.start(one, Epoch(6));
  const TxnRef opening = log.committed("", true);
  EXPECT_EQ(log.read_log().last, opening);
}

TEST(LogReader, HigherEpochWithoutAnOpeningIsNoSuccessor) {
  LogStore log(memory());
  log.start(test::before_first(), Epoch(1));
  const TxnRef one = log.committed("one");
  log.start(one, Epoch(2));
  log.committed("stray", false);
  const ReadLog read = log.read_log();
  EXPECT_EQ(read.end, 0);
  EXPECT_EQ(read.last, one);
}

TEST(LogReader, BatchWhoseVolumeWasGivenBackIsTorn) {
  LogStore log(memory());
  log.start(test::before_first(), Epoch(1));
  const TxnRef one = log.committed("one");
  while (log.writer().tail().volume == VolumeId(0)) ASSERT_TRUE(log.append(std::string(60000, 'x')).ok());
  log.committed("two");
  const VolumeId second = log.writer().tail().volume;
  log.stop();
  ASSERT_TRUE(log.volumes().free_volume(second).ok());
  const ReadLog read = log.read_log();
  EXPECT_EQ(read.end, 0);
  EXPECT_EQ(read.last, one);
  EXPECT_TRUE(read.torn);
}

TEST(LogReader, MissingResumeVolumeIsDamage) {
  LogStore log(memory());
  TxnRef last = test::before_first();
  last.resume.volume = make_volume_id(3, 0);
  EXPECT_EQ(log.read_log(last).end, EUCLEAN);
}

TEST(LogReader, DurableTokenNamesItsBatch) {
  LogStore log(memory());
  log.start(test::before_first(), Epoch(1));
  log.committed("one");
  const ReadLog read = log.read_log();
  ASSERT_TRUE(log.volumes().sync_all().ok());
  EXPECT_EQ(LogReader::durable_after_sync(read.batches[0]).ref(), read.last);
}

TEST(CheckTxn, KnowsItsOwnAndNoOther) {
  LogStore log(memory());
  log.start(test::before_first(), Epoch(1));
  const TxnRef one = log.committed("one");
  const TxnRef two = log.committed("two");
  const auto check = [&](const TxnRef& ref) {
    return check_txn(log.volumes(), test::log_store_uuid(), ref).code();
  };
  EXPECT_EQ(check(one), 0);
  EXPECT_EQ(check(two), 0);
  EXPECT_EQ(check(TxnRef{}), 0);
  TxnRef other = two;
  other.digest.low ^= 1;
  EXPECT_EQ(check(other), ESTALE);
  other = two;
  other.at = one.at;
  EXPECT_EQ(check(other), ESTALE);
  other = two;
  other.at.offset += 8;
  EXPECT_EQ(check(other), ESTALE);
  other = two;
  other.at.generation = Generation(2);
  EXPECT_EQ(check(other), ESTALE);
  other = two;
  other.at.volume = make_volume_id(9, 0);
  EXPECT_EQ(check(other), ESTALE);
  other = two;
  other.resume.offset += kBlockBytes;
  EXPECT_EQ(check(other), ESTALE);
  log.flip_bit({two.at.volume, two.at.generation, two.at.offset + 80});
  EXPECT_EQ(check(two), ESTALE);
}

TEST(CheckTxn, CannotTellWhenTheDeviceRefuses) {
  const auto device =
      std::make_shared<test::CrashDevice>(test::kDeviceBytes, std::make_shared<test::CrashPlan>());
  LogStore log(device);
  log.start(test::before_first(), Epoch(1));
  const TxnRef one = log.committed("one");
  device->fail_reads_in(test::position_on_device(one.at), test::position_on_device(one.at) + 64);
  EXPECT_EQ(check_txn(log.volumes(), test::log_store_uuid(), one).code(), EIO);
}

TEST(ReadNeedle, RefusesAnotherNeedleThanItsPlaceMeans) {
  LogStore log(memory());
  log.start(test::before_first(), Epoch(1));
  const NeedlePlace place = log.append(std::string(5000, 'n')).value();
  log.committed("");
  const auto read = [&](const NeedlePlace& p) {
    return read_needle(log.volumes(), test::log_store_uuid(), p).code();
  };
  EXPECT_EQ(read(place), 0);
  NeedlePlace other = place;
  other.header_crc ^= 1;
  EXPECT_EQ(read(other), EUCLEAN);
  other = place;
  other.payload_bytes = 4999;
  EXPECT_EQ(read(other), EUCLEAN);
  other = place;
  other.at.offset += 8;
  EXPECT_EQ(read(other), EUCLEAN);
  other.at.offset = ~std::uint64_t{0} - 7;
  EXPECT_EQ(read(other), EUCLEAN);
  other = place;
  other.at.volume = VolumeId(test::kSlots);
  EXPECT_EQ(read(other), ENOENT);
  log.flip_bit(payload_of(place));
  EXPECT_EQ(read(place), EUCLEAN);
}

TEST(ScanNeedles, FindsAllNeedlesAndResynchronisesBehindDamage) {
  LogStore log(memory());
  log.start(test::before_first(), Epoch(1));
  std::vector<NeedlePlace> places;
  Random random(3);
  for (std::uint64_t i = 0; i < 10; ++i) {
    places.push_back(log.append(random.bytes(100 + random.below(50000)), InodeId(100 + i)).value());
  }
  log.committed("");
  log.stop();
  log.flip_bit(places[4].at);
  std::vector<std::uint64_t> inodes;
  std::uint64_t skipped = 0;
  ASSERT_TRUE(scan_needles(log.volumes(), test::log_store_uuid(), VolumeId(0), Generation(1), 0,
                           [&](const FoundNeedle& found) {
                             if (found.header.kind == NeedleKind::data)
                               inodes.push_back(found.header.inode.value());
                             skipped += found.skipped_bytes;
                             return true;
                           })
                  .ok());
  EXPECT_EQ(inodes, (std::vector<std::uint64_t>{100, 101, 102, 103, 105, 106, 107, 108, 109}));
  EXPECT_GE(skipped, places[4].payload_bytes);
  EXPECT_LE(skipped, needle_bytes_bound(places[4].payload_bytes));
}

TEST(ScanNeedles, StopsWhenItIsTold) {
  LogStore log(memory());
  log.start(test::before_first(), Epoch(1));
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(log.append("x").ok());
  log.committed("");
  int seen = 0;
  ASSERT_TRUE(scan_needles(log.volumes(), test::log_store_uuid(), VolumeId(0), Generation(1), 0,
                           [&](const FoundNeedle&) { return ++seen < 3; })
                  .ok());
  EXPECT_EQ(seen, 3);
}

}  // namespace
}  // namespace ciaos::store
