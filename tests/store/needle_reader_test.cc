#include "store/needle_reader.h"

#include <gtest/gtest.h>

#include "log_store.h"
#include "store/memory_device.h"
#include "support/crash_device.h"

namespace ciaos::store {
namespace {

using test::LogStore;
using test::Random;

// Needles of up to the largest size, so in one long volume.
class NeedleReaderTest : public testing::Test {
 protected:
  std::shared_ptr<test::CrashPlan> plan = std::make_shared<test::CrashPlan>();
  std::shared_ptr<test::CrashDevice> device = std::make_shared<test::CrashDevice>(test::kDeviceBytes, plan);
  LogStore log{device};
  std::unique_ptr<NeedleReader> reader;
  Random random{5};

  void SetUp() override {
    log.limits.data_payload_bytes_max = 600000;
    log.start(test::before_first(), Epoch(1));
    reader = std::make_unique<NeedleReader>(log.volumes(), test::log_store_uuid(), nullptr, 64 << 10);
  }
  NeedlePlace stored(const std::string& payload) {
    const NeedlePlace place = log.append(payload).value();
    log.committed("");
    return place;
  }
  std::string read(const NeedlePlace& place, std::uint64_t offset, std::size_t bytes) {
    std::string got(bytes, '\0');
    const Status status = reader->read(place, offset, std::as_writable_bytes(std::span(got)));
    return status.ok() ? got : "error " + std::to_string(status.code());
  }
  std::uint64_t reads_of(const NeedlePlace& place, std::uint64_t offset, std::size_t bytes) {
    const std::uint64_t device_before = plan->reads();
    const std::uint64_t before = reader->stats().device_reads;
    read(place, offset, bytes);
    EXPECT_EQ(reader->stats().device_reads - before, plan->reads() - device_before);
    return plan->reads() - device_before;
  }
  void flip_payload_byte(const NeedlePlace& place, std::uint64_t offset) {
    VolumePosition at = place.at;
    at.offset = payload_position(at.offset, place.payload_bytes) + offset;
    log.flip_bit(at);
  }
};

TEST_F(NeedleReaderTest, AnyRangeOfAnyNeedleIsWhatWasWritten) {
  for (const std::size_t bytes : {1u, 700u, 4096u, 9000u, 65535u, 65536u, 100001u, 300000u, 524288u}) {
    const std::string payload = random.bytes(bytes);
    const NeedlePlace place = stored(payload);
    EXPECT_EQ(read(place, 0, bytes), payload);
    for (int i = 0; i < 20; ++i) {
      const std::size_t offset = random.below(bytes);
      const std::size_t count = random.below(bytes - offset + 1);
      EXPECT_EQ(read(place, offset, count), payload.substr(offset, count));
      if (i % 5 == 0) reader->drop_caches();
    }
  }
}

TEST_F(NeedleReaderTest, AlignedPiecesGoStraightToAlignedMemory) {
  const std::string payload = random.bytes(524288);
  const NeedlePlace place = stored(payload);
  for (int round = 0; round < 2; ++round) {
    IoBuffer buffer(16 * kBlockBytes);
    const std::uint64_t bytes_before = reader->stats().device_read_bytes;
    ASSERT_TRUE(reader->read(place, 80 * kBlockBytes, buffer.span()).ok());
    EXPECT_EQ(as_text(buffer.span()), payload.substr(80 * kBlockBytes, 16 * kBlockBytes));
    if (round == 1) {
      EXPECT_EQ(reader->stats().device_read_bytes - bytes_before, 16 * kBlockBytes);
    }
  }
}

TEST_F(NeedleReaderTest, ColdSmallFileIsOneDeviceRead) {
  const NeedlePlace small = stored(random.bytes(3000));
  const NeedlePlace larger = stored(random.bytes(250000));
  EXPECT_EQ(reads_of(small, 0, 3000), 1u);
  EXPECT_EQ(reads_of(small, 1000, 10), 1u);
  EXPECT_EQ(reads_of(larger, 0, 250000), 1u);
}

TEST_F(NeedleReaderTest, LargeNeedleCostsOneReadMoreTheFirstTimeAndNoneAfter) {
  const NeedlePlace place = stored(random.bytes(524288));
  EXPECT_EQ(reads_of(place, 400000, 4096), 2u);
  EXPECT_EQ(reads_of(place, 500000, 4096), 1u);
  EXPECT_EQ(reads_of(place, 0, 524288), 1u);
  EXPECT_EQ(reader->stats().header_cache_hits, 2u);
}

TEST_F(NeedleReaderTest, DroppedAndForgottenHeadersAreReadAgain) {
  const NeedlePlace place = stored(random.bytes(524288));
  EXPECT_EQ(reads_of(place, 400000, 1), 2u);
  reader->drop_caches();
  EXPECT_EQ(reads_of(place, 400000, 1), 2u);
  reader->forget_volume(VolumeId(7));
  EXPECT_EQ(reads_of(place, 400000, 1), 1u);
  reader->forget_volume(place.at.volume);
  EXPECT_EQ(reads_of(place, 400000, 1), 2u);
}

TEST_F(NeedleReaderTest, HeadersBeyondTheBoundAreForgottenOldestFirst) {
  reader = std::make_unique<NeedleReader>(log.volumes(), test::log_store_uuid(), nullptr, 1200);
  const NeedlePlace a = stored(random.bytes(300000));
  const NeedlePlace b = stored(random.bytes(300000));
  const NeedlePlace c = stored(random.bytes(300000));
  EXPECT_EQ(reads_of(a, 290000, 1), 2u);
  EXPECT_EQ(reads_of(b, 290000, 1), 2u);
  EXPECT_EQ(reads_of(a, 290000, 1), 1u);
  EXPECT_EQ(reads_of(c, 290000, 1), 2u);
  EXPECT_EQ(reads_of(a, 290000, 1), 1u);
  EXPECT_EQ(reads_of(b, 290000, 1), 2u);
}

TEST_F(NeedleReaderTest, DamageIsNeverHandedOutAndSparesItsNeighbours) {
  for (const std::size_t bytes : {20000u, 400000u}) {
    const std::string payload = random.bytes(bytes);
    const NeedlePlace place = stored(payload);
    flip_payload_byte(place, 2 * kBlockBytes + 5);
    const std::uint64_t damaged_before = reader->stats().damaged;
    EXPECT_EQ(read(place, 0, bytes), "error 117");
    EXPECT_EQ(read(place, 2 * kBlockBytes, 1), "error 117");
    EXPECT_EQ(read(place, 0, 2 * kBlockBytes), payload.substr(0, 2 * kBlockBytes));
    EXPECT_EQ(read(place, 3 * kBlockBytes, 100), payload.substr(3 * kBlockBytes, 100));
    EXPECT_EQ(reader->stats().damaged, damaged_before + 2);
  }
}

TEST_F(NeedleReaderTest, DamagedHeaderIsNeverTrusted) {
  for (const std::size_t bytes : {20000u, 400000u}) {
    const NeedlePlace place = stored(random.bytes(bytes));
    log.flip_bit({place.at.volume, place.at.generation, place.at.offset + 70});
    EXPECT_EQ(read(place, 0, 10), "error 117");
    EXPECT_EQ(read(place, bytes - 10, 10), "error 117");
  }
}

TEST_F(NeedleReaderTest, AnotherNeedleThanItsPlaceMeansIsDamage) {
  for (const std::size_t bytes : {20000u, 400000u}) {
    const NeedlePlace place = stored(random.bytes(bytes));
    read(place, bytes - 10, 10);  // its header is kept by now
    NeedlePlace other = place;
    other.header_crc ^= 1;
    EXPECT_EQ(read(other, bytes - 10, 10), "error 117");
    other = place;
    other.at.generation = Generation(2);
    EXPECT_EQ(read(other, bytes - 10, 10), "error 117");
    other = place;
    other.at.offset += 8;
    EXPECT_EQ(read(other, bytes - 10, 10), "error 117");
    other = place;
    other.at.offset = ~std::uint64_t{0} - 7;
    EXPECT_EQ(read(other, bytes - 10, 10), "error 117");
    other = place;
    other.payload_bytes = 700000000;
    EXPECT_EQ(read(other, bytes - 10, 10), "error 117");
  }
}

TEST_F(NeedleReaderTest, RefusalOfTheDeviceIsNoDamage) {
  const NeedlePlace place = stored(random.bytes(20000));
  device->fail_reads_in(0, test::kDeviceBytes);
  EXPECT_EQ(read(place, 0, 10), "error 5");
  EXPECT_EQ(reader->stats().damaged, 0u);
}

TEST_F(NeedleReaderTest, VolumeThatIsGoneIsNotThere) {
  NeedlePlace place = stored(random.bytes(20000));
  place.at.volume = VolumeId(test::kSlots);
  EXPECT_EQ(read(place, 0, 10), "error 2");
}

TEST_F(NeedleReaderTest, WhatIsInTheWriterIsReadThere) {
  reader = std::make_unique<NeedleReader>(log.volumes(), test::log_store_uuid(), &log.writer(), 64 << 10);
  const std::string payload = random.bytes(20000);
  const NeedlePlace place = log.append(payload).value();
  EXPECT_EQ(reads_of(place, 5000, 100), 0u);
  EXPECT_EQ(read(place, 5000, 100), payload.substr(5000, 100));
  log.committed("");
  EXPECT_EQ(reads_of(place, 5000, 100), 1u);
  EXPECT_EQ(read(place, 5000, 100), payload.substr(5000, 100));
}

}  // namespace
}  // namespace ciaos::store
