// A log that has lost its end is damaged, not short: what was acknowledged is there, or the store does not open. Volumes are
// missing, or used again behind a snapshot that cannot be read.
#include <gtest/gtest.h>

#include <algorithm>

#include "store/memory_device.h"
#include "store/superblock.h"
#include "store/volume_set.h"
#include "support/directory_on_device.h"
#include "support/engine_fixture.h"
#include "support/shell.h"
#include "support/test_store.h"

namespace ciaos::test {
namespace {

store::Superblock superblock_of(TestStore& store) {
  return store::raw_store_device(store.shared_device())->read_superblock().value();
}

// Slots are used again and again; only the snapshot tells where the log goes on.
void write_and_reuse(TestStore& store) {
  store.open();
  Shell shell(store.engine());
  ASSERT_EQ(shell.put("/keep", pattern(300000)), 0);
  ASSERT_EQ(shell.fsync("/keep"), 0);
  for (int round = 0; round < 100; ++round) {
    const std::string name = "/f" + std::to_string(round % 3);
    ASSERT_EQ(shell.put(name, pattern(200000)), 0);
    ASSERT_EQ(shell.fsync(name), 0);
  }
  ASSERT_EQ(shell.put("/precious", pattern(500000)), 0);
  ASSERT_EQ(shell.fsync("/precious"), 0);
  ASSERT_EQ(store->snapshot().code(), 0);
  ASSERT_GT(store->statistics().volumes_freed, 0u);
  ASSERT_EQ(store.close().code(), 0);
}

void wipe_snapshot(TestStore& store) {
  const store::Superblock superblock = superblock_of(store);
  const VolumePosition& at = superblock.snapshot->at;
  store::IoBuffer block(store::kBlockBytes);
  const std::uint64_t offset = store::kSlotsBegin + slot_of(at.volume) * superblock.volume_bytes +
                               align_down(at.offset, store::kBlockBytes);
  ASSERT_TRUE(store.device().read(offset, block.span()).ok());
  // Of the needle alone: what lies behind it in the block is needed.
  std::ranges::fill(block.span().subspan(at.offset % store::kBlockBytes, 8), std::byte{0});
  ASSERT_TRUE(store.device().write(offset, block.span()).ok());
}

TEST(LostEnd, OfALogWhoseSnapshotIsDamagedIsNoticedWithoutAnIndex) {
  TestStore store({.volumes = 16});
  ASSERT_NO_FATAL_FAILURE(write_and_reuse(store));
  ASSERT_NO_FATAL_FAILURE(wipe_snapshot(store));
  const ByteVector before = store.device_bytes();
  store.put_index({});
  const Status opened = store.try_open();
  EXPECT_EQ(opened.code(), EUCLEAN);
  EXPECT_EQ(store.device_bytes(), before) << "a refusal writes nothing";
}

TEST(LostEnd, IsOutOfReachOfTheIndexThatIsThere) {
  TestStore store({.volumes = 16});
  ASSERT_NO_FATAL_FAILURE(write_and_reuse(store));
  ASSERT_NO_FATAL_FAILURE(wipe_snapshot(store));
  store.open();
  EXPECT_EQ(Shell(store.engine()).cat("/precious"), pattern(500000));
}

// The same by a writer that noted nothing in the superblocks.
TEST(LostEnd, IsNoticedInAStoreOfVersionOne) {
  TestStore store({.volumes = 16});
  ASSERT_NO_FATAL_FAILURE(write_and_reuse(store));
  ASSERT_NO_FATAL_FAILURE(wipe_snapshot(store));
  auto device = store::raw_store_device(store.shared_device());
  store::Superblock superblock = superblock_of(store);
  superblock.log_reached = Sequence{};
  ++superblock.counter;
  ASSERT_TRUE(device->write_superblock(superblock).ok());
  store.put_index({});
  EXPECT_EQ(store.try_open().code(), EUCLEAN);
}

class LostVolume : public ::testing::Test {
 protected:
  void SetUp() override {
    store.open();
    Shell shell(store.engine());
    for (int i = 0; i < 6; ++i) {
      const std::string name = "/" + std::to_string(i);
      ASSERT_EQ(shell.put(name, pattern(500000)), 0);
      ASSERT_EQ(shell.fsync(name), 0);
    }
    ASSERT_EQ(store.close().code(), 0);
    auto device = directory_on_device(store.shared_device());
    ASSERT_TRUE(device->read_superblock().ok());
    volumes = device->existing_volumes().value();
    ASSERT_GT(volumes.size(), 2u);
  }
  TestStore store{{.volumes = 16, .kind = store::StoreKind::directory}};
  std::vector<std::uint32_t> volumes;
};

TEST_F(LostVolume, IsNoticedWhicheverItIs) {
  const IndexCopy index = store.copy_index();
  for (const std::uint32_t volume : volumes) {
    SCOPED_TRACE(volume);
    auto image = std::make_shared<store::MemoryDevice>(store.device().size());
    ASSERT_TRUE(image->write(0, store.device_bytes()).ok());
    auto device = directory_on_device(image);
    ASSERT_TRUE(device->read_superblock().ok());
    ASSERT_TRUE(device->free_volume(volume).ok());
    for (const IndexCopy& there : {index, IndexCopy()}) {
      TestStore damaged(image, store.clock, store::StoreKind::directory);
      damaged.put_index(there);
      EXPECT_EQ(damaged.try_open().code(), EUCLEAN);
    }
  }
}

}  // namespace
}  // namespace ciaos::test
