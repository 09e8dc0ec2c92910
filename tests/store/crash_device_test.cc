// The test tool that all promises about crashes lean on is tested itself.
#include "support/crash_device.h"

#include <gtest/gtest.h>

#include <thread>

namespace ciaos::test {
namespace {

constexpr std::uint32_t kSector = CrashDevice::kSectorBytes;
constexpr std::uint64_t kSeeds = 200;

ByteVector filled(char with, std::size_t sectors = 1) {
  return ByteVector(kSector * sectors, static_cast<std::byte>(with));
}

ByteVector sector_of(store::Device& device, std::uint64_t sector) {
  ByteVector bytes(kSector);
  EXPECT_TRUE(device.read(sector * kSector, bytes).ok());
  return bytes;
}

class CrashDeviceTest : public ::testing::Test {
 protected:
  void write(std::uint64_t sector, char with) {
    ASSERT_TRUE(device.write(sector * kSector, filled(with)).ok());
  }

  std::shared_ptr<CrashPlan> plan = std::make_shared<CrashPlan>();
  CrashDevice device{64 * kSector, plan};
};

TEST_F(CrashDeviceTest, SyncedSectorsSurviveEverySeed) {
  write(3, 'a');
  ASSERT_TRUE(device.sync().ok());
  EXPECT_EQ(0u, device.unsynced_sectors());
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    EXPECT_EQ(filled('a'), sector_of(*device.survivor(seed), 3)) << "seed " << seed;
  }
}

TEST_F(CrashDeviceTest, UnsyncedSectorIsKeptDroppedOlderOrNoise) {
  write(3, 'a');
  ASSERT_TRUE(device.sync().ok());
  write(3, 'b');
  write(3, 'c');
  EXPECT_EQ(filled('c'), sector_of(device, 3)) << "reads see all writes";
  std::set<char> seen;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const ByteVector bytes = sector_of(*device.survivor(seed), 3);
    seen.insert(bytes == ByteVector(kSector, bytes[0]) ? static_cast<char>(bytes[0]) : '?');
  }
  EXPECT_EQ((std::set<char>{'a', 'b', 'c', '?'}), seen);
}

TEST_F(CrashDeviceTest, SectorsChooseByThemselves) {
  ASSERT_TRUE(device.write(0, filled('x', 64)).ok());
  bool torn = false;
  for (std::uint64_t seed = 2; seed < kSeeds; ++seed) {
    const auto disk = device.survivor(seed);
    int kept = 0;
    for (std::uint64_t sector = 0; sector < 64; ++sector)
      kept += sector_of(*disk, sector) == filled('x') ? 1 : 0;
    torn = torn || (kept > 0 && kept < 64);
  }
  EXPECT_TRUE(torn);
}

TEST_F(CrashDeviceTest, TheTwoExtremeSeedsDropAndKeepAll) {
  ASSERT_TRUE(device.write(0, filled('x', 64)).ok());
  for (std::uint64_t sector = 0; sector < 64; ++sector) {
    EXPECT_EQ(ByteVector(kSector), sector_of(*device.survivor(CrashDevice::kDropAll), sector));
    EXPECT_EQ(filled('x'), sector_of(*device.survivor(CrashDevice::kKeepAll), sector));
  }
}

TEST_F(CrashDeviceTest, SameSeedSameSurvivor) {
  ASSERT_TRUE(device.write(0, filled('x', 64)).ok());
  const auto once = device.survivor(42);
  const auto again = device.survivor(42);
  for (std::uint64_t sector = 0; sector < 64; ++sector)
    EXPECT_EQ(sector_of(*once, sector), sector_of(*again, sector));
}

TEST_F(CrashDeviceTest, CutWhenASyncBeginsFailsItAndAllThatFollows) {
  plan->cut_at_sync(2, CrashPlan::Cut::when_sync_begins);
  write(1, 'a');
  ASSERT_TRUE(device.sync().ok());
  write(2, 'b');
  EXPECT_EQ(EIO, device.sync().code());
  EXPECT_TRUE(plan->is_cut());
  EXPECT_EQ(EIO, device.write(0, filled('c')).code());
  ByteVector bytes(kSector);
  EXPECT_EQ(EIO, device.read(0, bytes).code());
  EXPECT_EQ(EIO, device.sync().code());
  EXPECT_EQ(EIO, device.discard(0, kSector).code());
  const auto disk = device.survivor(CrashDevice::kDropAll);
  EXPECT_EQ(filled('a'), sector_of(*disk, 1));
  EXPECT_EQ(ByteVector(kSector), sector_of(*disk, 2));
}

TEST_F(CrashDeviceTest, CutAfterASyncReturnedLeavesItsWritesDurable) {
  plan->cut_at_sync(1, CrashPlan::Cut::after_sync_returns);
  write(1, 'a');
  EXPECT_TRUE(device.sync().ok());
  EXPECT_EQ(EIO, device.write(0, filled('c')).code());
  EXPECT_EQ(filled('a'), sector_of(*device.survivor(CrashDevice::kDropAll), 1));
}

TEST_F(CrashDeviceTest, CutAtAWriteDropsThatWrite) {
  plan->cut_at_write(2);
  write(1, 'a');
  EXPECT_EQ(EIO, device.write(2 * kSector, filled('b')).code());
  EXPECT_EQ(EIO, device.sync().code());
  EXPECT_EQ(ByteVector(kSector), sector_of(*device.survivor(CrashDevice::kKeepAll), 2));
}

TEST_F(CrashDeviceTest, OnePlanCutsAllDevicesOfAMachine) {
  CrashDevice other(64 * kSector, plan);
  plan->cut_at_sync(1, CrashPlan::Cut::after_sync_returns);
  ASSERT_TRUE(device.sync().ok());
  EXPECT_EQ(EIO, other.write(0, filled('a')).code());
}

TEST_F(CrashDeviceTest, WhatAFailedSyncLostNoLaterSyncBringsBack) {
  plan->fail_sync(1);
  write(1, 'a');
  EXPECT_EQ(EIO, device.sync().code());
  EXPECT_FALSE(plan->is_cut());
  write(2, 'b');
  EXPECT_TRUE(device.sync().ok()) << "it lies, as kernels do";
  const auto disk = device.survivor(CrashDevice::kDropAll);
  EXPECT_EQ(ByteVector(kSector), sector_of(*disk, 1));
  EXPECT_EQ(filled('b'), sector_of(*disk, 2));
}

TEST_F(CrashDeviceTest, InjectedFailuresHitTheirCallOnlyAndCallsAreCounted) {
  plan->fail_write(2);
  device.fail_reads_in(10 * kSector, 11 * kSector);
  write(1, 'a');
  EXPECT_EQ(EIO, device.write(2 * kSector, filled('b')).code());
  write(3, 'c');
  ByteVector bytes(2 * kSector);
  EXPECT_TRUE(device.read(8 * kSector, bytes).ok());
  EXPECT_EQ(EIO, device.read(9 * kSector, bytes).code());
  EXPECT_TRUE(device.read(11 * kSector, bytes).ok());
  ASSERT_TRUE(device.sync().ok());
  EXPECT_EQ(3u, plan->writes());
  EXPECT_EQ(3u, plan->reads());
  EXPECT_EQ(1u, plan->syncs());
}

TEST_F(CrashDeviceTest, DiscardedSectorsMayStayVanishOrTurnToNoise) {
  CrashDevice large(4096 * kSector, plan);
  ASSERT_TRUE(large.write(0, filled('x', 4096)).ok());
  ASSERT_TRUE(large.sync().ok());
  ASSERT_TRUE(large.discard(0, 4000 * kSector).ok());
  int stayed = 0, vanished = 0, noise = 0;
  for (std::uint64_t sector = 0; sector < 4096; ++sector) {
    const ByteVector bytes = sector_of(large, sector);
    ++(bytes == filled('x') ? stayed : bytes == ByteVector(kSector) ? vanished : noise);
    if (sector >= 4000) {
      EXPECT_EQ(filled('x'), bytes);
    }
  }
  EXPECT_GT(stayed, 1000);
  EXPECT_GT(vanished, 1000);
  EXPECT_GT(noise, 1000);
}

TEST_F(CrashDeviceTest, AMachineStartsAgainWithWhatSurvived) {
  write(1, 'a');
  ASSERT_TRUE(device.sync().ok());
  write(1, 'b');
  CrashDevice reborn(device.survivor(CrashDevice::kKeepAll), std::make_shared<CrashPlan>());
  EXPECT_EQ(0u, reborn.unsynced_sectors());
  EXPECT_EQ(filled('b'), sector_of(*reborn.survivor(CrashDevice::kDropAll), 1));
}

TEST_F(CrashDeviceTest, ManyThreadsMayWriteAndSync) {
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < 200; ++round) {
        EXPECT_TRUE(device.write(t * 16 * kSector, filled(static_cast<char>('a' + t), 16)).ok());
        EXPECT_TRUE(device.sync().ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto disk = device.survivor(CrashDevice::kDropAll);
  for (std::uint64_t sector = 0; sector < 64; ++sector) {
    EXPECT_EQ(filled(static_cast<char>('a' + sector / 16)), sector_of(*disk, sector));
  }
}

}  // namespace
}  // namespace ciaos::test
