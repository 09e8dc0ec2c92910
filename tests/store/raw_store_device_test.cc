#include <gtest/gtest.h>

#include "store_examples.h"
#include "support/crash_device.h"

namespace ciaos::store {
namespace {

using test::CrashDevice;
using test::CrashPlan;

constexpr std::uint32_t kSlots = 4;

void overwrite(Device& device, std::uint64_t offset, std::byte with) {
  const ByteVector block(kBlockBytes, with);
  ASSERT_TRUE(device.write(offset, block).ok());
}

class RawStoreDeviceTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(raw_store_device(disk)->write_superblock(superblock).ok()); }

  Superblock superblock = test::raw_superblock(kSlots);
  std::uint64_t last_block = superblock.device_bytes - kBlockBytes;
  std::shared_ptr<MemoryDevice> disk = std::make_shared<MemoryDevice>(superblock.device_bytes);
};

TEST_F(RawStoreDeviceTest, CopiesLieInTheFirstAndTheLastBlock) {
  ByteVector block(kBlockBytes);
  for (const std::uint64_t offset : {std::uint64_t{0}, last_block}) {
    ASSERT_TRUE(disk->read(offset, block).ok());
    EXPECT_EQ(superblock, *decode_superblock(block)) << offset;
  }
}

TEST_F(RawStoreDeviceTest, EitherCopyServesAlone) {
  for (const std::uint64_t damaged : {std::uint64_t{0}, last_block}) {
    SetUp();
    overwrite(*disk, damaged, std::byte{0xEE});
    const auto read = raw_store_device(disk)->read_superblock();
    ASSERT_TRUE(read.ok()) << to_string(read.error());
    EXPECT_EQ(superblock, *read);
  }
}

TEST_F(RawStoreDeviceTest, AnUnreadableCopyIsLikeADamagedOne) {
  CrashDevice crash(disk, std::make_shared<CrashPlan>());
  crash.fail_reads_in(0, kBlockBytes);
  const std::shared_ptr<Device> alias(&crash, [](Device*) {});
  EXPECT_TRUE(raw_store_device(alias)->read_superblock().ok());
  crash.fail_reads_in(0, superblock.device_bytes);
  EXPECT_EQ(EIO, raw_store_device(alias)->read_superblock().code());
}

TEST_F(RawStoreDeviceTest, TheHigherCounterHolds) {
  Superblock newer = superblock;
  newer.counter = 2;
  newer.epoch = Epoch(9);
  ByteVector block(kBlockBytes);
  encode_superblock(newer, block);
  ASSERT_TRUE(disk->write(last_block, block).ok());
  EXPECT_EQ(newer, *raw_store_device(disk)->read_superblock());
}

TEST_F(RawStoreDeviceTest, ForeignDeviceDamageAndFutureAreToldApart) {
  EXPECT_EQ(ENODATA, raw_store_device(std::make_shared<MemoryDevice>(1 << 20))->read_superblock().code());
  EXPECT_EQ(ENODATA, raw_store_device(std::make_shared<MemoryDevice>(512))->read_superblock().code());
  ByteVector block(kBlockBytes);
  encode_superblock(superblock, block);
  block[2000] = std::byte{1};
  ASSERT_TRUE(disk->write(0, block).ok());
  overwrite(*disk, last_block, std::byte{0});
  EXPECT_EQ(EUCLEAN, raw_store_device(disk)->read_superblock().code());
}

TEST_F(RawStoreDeviceTest, ShorterThanFormattedIsRefusedAndGrownServes) {
  ByteVector block(kBlockBytes);
  ASSERT_TRUE(disk->read(0, block).ok());
  for (const std::uint64_t bytes :
       {superblock.device_bytes - kBlockBytes, superblock.device_bytes + (1 << 20)}) {
    auto other = std::make_shared<MemoryDevice>(bytes);
    ASSERT_TRUE(other->write(0, block).ok());
    const auto read = raw_store_device(other)->read_superblock();
    EXPECT_EQ(bytes < superblock.device_bytes ? EINVAL : 0, read.code());
  }
}

TEST_F(RawStoreDeviceTest, AGrownDeviceKeepsItsSecondCopyWhereItWas) {
  auto grown = std::make_shared<MemoryDevice>(superblock.device_bytes + (1 << 20));
  ASSERT_TRUE(raw_store_device(grown)->write_superblock(superblock).ok());
  for (const auto& copy : raw_store_device(grown)->read_superblock_copies()) EXPECT_TRUE(copy.ok());
}

TEST_F(RawStoreDeviceTest, SlotsAreDevicesThatDoNotOverlap) {
  const auto store = raw_store_device(disk);
  ASSERT_TRUE(store->read_superblock().ok());
  for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
    auto volume = store->create_volume(slot);
    ASSERT_TRUE(volume.ok());
    EXPECT_EQ(test::kSmallVolumeBytes, (*volume)->size());
    ASSERT_TRUE(
        (*volume)->write(0, ByteVector(test::kSmallVolumeBytes, static_cast<std::byte>('a' + slot))).ok());
    EXPECT_EQ(EINVAL, (*volume)->write(test::kSmallVolumeBytes, ByteVector(512)).code());
  }
  for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
    ByteVector bytes(test::kSmallVolumeBytes);
    ASSERT_TRUE((*store->open_volume(slot))->read(0, bytes).ok());
    EXPECT_EQ(ByteVector(test::kSmallVolumeBytes, static_cast<std::byte>('a' + slot)), bytes);
  }
  EXPECT_EQ(superblock, *store->read_superblock());
  EXPECT_EQ(ENOENT, store->open_volume(kSlots).code());
  EXPECT_EQ((std::vector<std::uint32_t>{0, 1, 2, 3}), *store->existing_volumes());
  EXPECT_EQ(kSlots, *store->creatable_volumes());
}

// Invariant: whenever the power goes in an update, one of the two superblocks is there.
TEST_F(RawStoreDeviceTest, ACrashInAnUpdateLeavesTheOldOrTheNewSuperblock) {
  Superblock newer = superblock;
  newer.counter = 2;
  for (std::uint64_t cut_at_write = 1; cut_at_write <= 3; ++cut_at_write) {
    for (std::uint64_t seed = 0; seed < 24; ++seed) {
      SetUp();
      // As a crash in the update before this one may have left it: one copy only.
      if (seed % 3 == 1) overwrite(*disk, 0, std::byte{0});
      if (seed % 3 == 2) overwrite(*disk, last_block, std::byte{0});
      auto plan = std::make_shared<CrashPlan>();
      auto crash = std::make_shared<CrashDevice>(disk, plan);
      plan->cut_at_write(cut_at_write);
      EXPECT_EQ(cut_at_write < 3 ? EIO : 0, raw_store_device(crash)->write_superblock(newer).code());
      const auto read = raw_store_device(crash->survivor(seed))->read_superblock();
      ASSERT_TRUE(read.ok()) << "seed " << seed << ": " << to_string(read.error());
      EXPECT_TRUE(*read == newer || (*read == superblock && cut_at_write == 1)) << "seed " << seed;
    }
  }
}

TEST_F(RawStoreDeviceTest, ACrashWhileACopyIsInFlightLeavesTheOther) {
  Superblock newer = superblock;
  newer.counter = 2;
  for (std::uint64_t sync = 1; sync <= 2; ++sync) {
    for (std::uint64_t seed = 0; seed < 24; ++seed) {
      SetUp();
      if (seed % 3 == 1) overwrite(*disk, 0, std::byte{0});
      if (seed % 3 == 2) overwrite(*disk, last_block, std::byte{0});
      auto plan = std::make_shared<CrashPlan>();
      auto crash = std::make_shared<CrashDevice>(disk, plan);
      plan->cut_at_sync(sync, CrashPlan::Cut::when_sync_begins);
      EXPECT_EQ(EIO, raw_store_device(crash)->write_superblock(newer).code());
      const auto read = raw_store_device(crash->survivor(seed))->read_superblock();
      ASSERT_TRUE(read.ok()) << "seed " << seed << ": " << to_string(read.error());
      EXPECT_TRUE(*read == newer || *read == superblock);
    }
  }
}

TEST_F(RawStoreDeviceTest, BeginFormatWipesBothCopiesAndOtherSignatures) {
  overwrite(*disk, 64 * 1024, std::byte{0xBB});
  ASSERT_TRUE(raw_store_device(disk)->begin_format(superblock).ok());
  EXPECT_EQ(ENODATA, raw_store_device(disk)->read_superblock().code());
  ByteVector block(kBlockBytes);
  ASSERT_TRUE(disk->read(64 * 1024, block).ok());
  EXPECT_EQ(ByteVector(kBlockBytes), block);
}

}  // namespace
}  // namespace ciaos::store
