#include "store/volume_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <set>
#include <thread>

#include "store_examples.h"
#include "temp_directory.h"

namespace ciaos::store {
namespace {

constexpr std::uint64_t kUsable = 1'000'000;

TEST(VolumePool, PromisesExactlyWhatRoomAndPreparedVolumesCanTake) {
  const auto set = test::raw_store({5});
  VolumePool pool(*set, {}, {}, kUsable);
  pool.set_current_room(500);
  EXPECT_TRUE(pool.reserve(500).ok());
  EXPECT_EQ(0u, pool.space().bytes_available % kUsable);
  EXPECT_TRUE(pool.reserve(kUsable).ok());
  EXPECT_TRUE(pool.reserve(kUsable).ok());
  EXPECT_EQ(ENOSPC, pool.reserve(1).code()) << "three of five slots are reserved";
  pool.release(10);
  EXPECT_TRUE(pool.reserve(10).ok());
  EXPECT_EQ(ENOSPC, pool.reserve(1).code());
}

TEST(VolumePool, WhatIsHeldIsKeptFromOtherDataAndServesWhatItIsHeldFor) {
  const auto set = test::raw_store({8});
  VolumePool pool(*set, {}, {}, kUsable);
  EXPECT_EQ(ENOSPC, pool.hold(5 * kUsable).code());
  EXPECT_EQ(ENOSPC, pool.hold(UINT64_MAX).code());
  ASSERT_TRUE(pool.hold(1'000'000).ok());
  const std::uint64_t available = pool.space().bytes_available;
  EXPECT_EQ(available, 5 * kUsable - 9 * 1'000'000 / 4) << "small pieces cost more than their bytes";
  EXPECT_TRUE(pool.reserve(available).ok());
  EXPECT_EQ(ENOSPC, pool.reserve(1).code());
  EXPECT_TRUE(pool.prepare().ok());
  EXPECT_EQ(ENOSPC, pool.reserve(1).code()) << "what is prepared is held as well";
  EXPECT_EQ(ENOSPC, pool.hold(1).code());
  EXPECT_TRUE(pool.reserve(9 * 1'000'000 / 4, Claim::held).ok());
  EXPECT_EQ(ENOSPC, pool.reserve(1, Claim::held).code()) << "three of eight slots are reserved";
  pool.unhold(1'000'000);
  EXPECT_EQ(ENOSPC, pool.reserve(1).code()) << "it was promised to what it was held for";
  pool.release(9 * 1'000'000 / 4);
  EXPECT_TRUE(pool.reserve(9 * 1'000'000 / 4).ok());
}

// Invariant 8.
TEST(VolumePool, AFullStoreStillHasItsReserveForTxnNeedlesAndSnapshots) {
  const auto set = test::raw_store({4});
  VolumePool pool(*set, {}, {}, kUsable);
  EXPECT_TRUE(pool.take(true).ok());
  pool.set_current_room(0);
  EXPECT_EQ(ENOSPC, pool.take(true).code());
  for (std::uint32_t i = 0; i < kVolumesReserved; ++i) {
    EXPECT_EQ(ENOSPC, pool.reserve(1).code());
    EXPECT_TRUE(pool.take(false).ok());
  }
  EXPECT_EQ(ENOSPC, pool.reserve(1).code()) << "the room in a volume of the reserve is not for data";
  EXPECT_EQ(0u, pool.space().bytes_available);
  EXPECT_EQ(ENOSPC, pool.take(false).code());
}

// Invariant 8.
TEST(VolumePool, TheReserveIsFilledBeforeDataGetsWhatWasMadeOfIt) {
  const auto set = test::raw_store({5});
  const KnownVolume one{make_volume_id(0, 0), Generation(1), false};
  const KnownVolume other{make_volume_id(0, 1), Generation(1), false};
  VolumePool pool(*set, {one, other}, {}, kUsable);
  ASSERT_TRUE(pool.take(false).ok());
  EXPECT_EQ(ENOSPC, pool.reserve(1).code());
  ASSERT_TRUE(pool.take(false).ok());
  ASSERT_TRUE(pool.give_back(one.volume, one.generation).ok());
  EXPECT_EQ(ENOSPC, pool.reserve(1).code()) << "two were taken of the reserve, and one came back";
  ASSERT_TRUE(pool.give_back(other.volume, other.generation).ok());
  EXPECT_TRUE(pool.reserve(kUsable).ok());
  EXPECT_EQ(ENOSPC, pool.reserve(1).code());
}

// Invariant 8: the room that txn needles took out of a promise comes out of the reserve.
TEST(VolumePool, APromiseIsKeptWhenTxnNeedlesTookItsRoom) {
  const auto set = test::raw_store({4});
  VolumePool pool(*set, {}, {}, kUsable);
  ASSERT_TRUE(pool.reserve(kUsable).ok());
  ASSERT_TRUE(pool.take(true).ok());
  pool.set_current_room(0);
  EXPECT_TRUE(pool.take(true).ok());
  EXPECT_EQ(ENOSPC, pool.reserve(1).code());
}

// A store that was full when its daemon ended is as full for the next.
TEST(VolumePool, AReserveThatIsShortIsKnownWhenTheStoreOpens) {
  const auto set = test::raw_store({4});
  VolumePool pool(
      *set, {{make_volume_id(0, 0), Generation(1), false}, {make_volume_id(0, 1), Generation(1), false}}, {},
      kUsable);
  pool.set_current_room(kUsable);
  EXPECT_EQ(ENOSPC, pool.reserve(1).code());
}

TEST(VolumePool, SlotsLiveAgainWithTheNextGeneration) {
  const auto set = test::raw_store({5});
  const VolumeId used = make_volume_id(0, 0);
  VolumePool pool(*set, {{used, Generation(4), false}, {make_volume_id(0, 1), Generation(8), true}}, {},
                  kUsable);
  const auto first = pool.take(true);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(make_volume_id(0, 1), first->volume);
  EXPECT_EQ(Generation(9), first->generation);
  ASSERT_TRUE(pool.give_back(used, Generation(4)).ok());
  const auto again = pool.take(true);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(used, again->volume);
  EXPECT_EQ(Generation(5), again->generation);
  const auto fresh = pool.take(false);
  ASSERT_TRUE(fresh.ok());
  EXPECT_EQ(make_volume_id(0, 2), fresh->volume);
  EXPECT_EQ(Generation(1), fresh->generation);
}

TEST(VolumePool, APreparedVolumeIsTakenBeforeANewOneIsMade) {
  const auto set = test::raw_store({6});
  VolumePool pool(*set, {}, {}, kUsable);
  ASSERT_TRUE(pool.prepare().ok());
  ASSERT_TRUE(pool.prepare().ok());
  EXPECT_EQ(make_volume_id(0, 0), pool.take(true)->volume);
  EXPECT_EQ(make_volume_id(0, 1), pool.take(true)->volume);
}

TEST(VolumePool, NothingToPrepareIsNoError) {
  const auto set = test::raw_store({3});
  VolumePool pool(*set, {}, {}, kUsable);
  EXPECT_TRUE(pool.prepare().ok());
  EXPECT_EQ(ENOSPC, pool.take(true).code());
}

TEST(VolumePool, SpreadsVolumesOverDevices) {
  const auto set = test::raw_store({6, 6, 8});
  VolumePool pool(*set, {}, {}, kUsable);
  std::vector<std::uint32_t> devices;
  for (int i = 0; i < 8; ++i) devices.push_back(device_of(pool.take(true)->volume));
  EXPECT_EQ((std::vector<std::uint32_t>{2, 2, 0, 1, 2, 0, 1, 2}), devices);
}

TEST(VolumePool, SpaceCountsAllButTheReserve) {
  const auto set = test::raw_store({8});
  VolumePool pool(*set, {{make_volume_id(0, 0), Generation(1), false}}, {}, kUsable);
  EXPECT_EQ(5 * kUsable, pool.space().bytes_total);
  EXPECT_EQ(4 * kUsable, pool.space().bytes_available);
  pool.set_current_room(300);
  ASSERT_TRUE(pool.reserve(100).ok());
  EXPECT_EQ(4 * kUsable + 200, pool.space().bytes_available);
  ASSERT_TRUE(pool.take(true).ok());
  EXPECT_EQ(5 * kUsable, pool.space().bytes_total);
  EXPECT_EQ(4 * kUsable - 100, pool.space().bytes_available) << "the room left in the volume before is gone";
  ASSERT_TRUE(pool.give_back(make_volume_id(0, 0), Generation(1)).ok());
  EXPECT_EQ(5 * kUsable, pool.space().bytes_total);
  EXPECT_EQ(5 * kUsable - 100, pool.space().bytes_available);
}

TEST(VolumePool, BetweenTakingAVolumeAndReportingItsRoomNothingIsPromisedTwice) {
  const auto set = test::raw_store({4});
  VolumePool pool(*set, {}, {}, kUsable);
  ASSERT_TRUE(pool.reserve(kUsable).ok());
  ASSERT_TRUE(pool.take(true).ok());
  EXPECT_EQ(ENOSPC, pool.reserve(1).code());
  pool.release(kUsable);
  EXPECT_TRUE(pool.reserve(kUsable).ok());
}

TEST(VolumePool, ManyThreadsShareTheLedgerWithoutOvercommitting) {
  const auto set = test::raw_store({10});
  VolumePool pool(*set, {}, {}, kUsable);
  std::atomic<int> granted = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        if (pool.reserve(kUsable / 10).ok()) ++granted;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(70, granted);
  std::set<VolumeId> volumes;
  for (int i = 0; i < 7; ++i) volumes.insert(pool.take(true)->volume);
  EXPECT_EQ(7u, volumes.size());
}

class DirectoryPoolTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto device = create_store_device(directory / "store");
    ASSERT_TRUE(device.ok());
    ASSERT_TRUE((*device)->write_superblock(test::directory_superblock()).ok());
    std::vector<std::unique_ptr<StoreDevice>> devices;
    devices.push_back(std::move(*device));
    auto opened = VolumeSet::open(std::move(devices));
    ASSERT_TRUE(opened.ok());
    set = std::move(*opened);
    if (*set->device(0).creatable_volumes() < 16) GTEST_SKIP() << "the host filesystem is full";
  }

  test::TempDirectory directory;
  std::unique_ptr<VolumeSet> set;
};

TEST_F(DirectoryPoolTest, AFileNumberIsUsedOnceAndLivesOnce) {
  VolumePool pool(*set, {{make_volume_id(0, 6), Generation(1), false}}, {7}, kUsable);
  const auto first = pool.take(true);
  ASSERT_TRUE(first.ok()) << to_string(first.error());
  EXPECT_EQ(make_volume_id(0, 7), first->volume);
  EXPECT_EQ(Generation(1), first->generation);
  ASSERT_TRUE(pool.give_back(first->volume, first->generation).ok());
  EXPECT_EQ(make_volume_id(0, 8), pool.take(true)->volume);
  EXPECT_EQ((std::vector<std::uint32_t>{9}), pool.next_slots());
  EXPECT_EQ(ENOENT, set->volume(make_volume_id(0, 7)).code());
}

TEST_F(DirectoryPoolTest, AFileLeftByAKilledWriterIsPassedOver) {
  std::ofstream(directory / "store/volumes/0") << "left over";
  std::ofstream(directory / "store/volumes/1") << "left over";
  VolumePool pool(*set, {}, {0}, kUsable);
  EXPECT_EQ(make_volume_id(0, 2), pool.take(true)->volume);
}

}  // namespace
}  // namespace ciaos::store
