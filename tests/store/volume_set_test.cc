#include "store/volume_set.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>

#include "store_examples.h"
#include "support/crash_device.h"
#include "temp_directory.h"

namespace ciaos::store {
namespace {

using test::CrashDevice;
using test::CrashPlan;

using Devices = std::vector<std::unique_ptr<StoreDevice>>;

class VolumeSetTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (std::uint32_t index = 0; index < 2; ++index) {
      Superblock s = test::raw_superblock(4);
      s.device_index = index;
      s.device_count = 2;
      disks.push_back(std::make_shared<MemoryDevice>(s.device_bytes));
      ASSERT_TRUE(raw_store_device(disks[index])->write_superblock(s).ok());
    }
  }
  Devices devices(std::initializer_list<std::uint32_t> which) {
    Devices out;
    for (std::uint32_t index : which) out.push_back(raw_store_device(disks[index]));
    return out;
  }
  Superblock on_disk(std::uint32_t index) { return *raw_store_device(disks[index])->read_superblock(); }
  void change(std::uint32_t index, void (*how)(Superblock&)) {
    Superblock s = on_disk(index);
    how(s);
    ASSERT_TRUE(raw_store_device(disks[index])->write_superblock(s).ok());
  }

  std::vector<std::shared_ptr<MemoryDevice>> disks;
};

TEST_F(VolumeSetTest, OrderOfDevicesDoesNotMatter) {
  auto set = VolumeSet::open(devices({1, 0}));
  ASSERT_TRUE(set.ok()) << to_string(set.error());
  EXPECT_EQ(2u, (*set)->device_count());
  EXPECT_EQ(0u, (*set)->device(0).read_superblock()->device_index);
}

TEST_F(VolumeSetTest, MixedMissingAndDoubledDevicesAreToldApart) {
  EXPECT_EQ(ENXIO, VolumeSet::open(devices({1})).code());
  EXPECT_EQ(EXDEV, VolumeSet::open(devices({1, 1})).code());
  EXPECT_EQ(EINVAL, VolumeSet::open({}).code());
  change(1, [](Superblock& s) { s.volume_bytes *= 2, s.slot_count = 1, s.counter += 1; });
  EXPECT_EQ(EUCLEAN, VolumeSet::open(devices({0, 1})).code());
  change(1, [](Superblock& s) { s.uuid.bytes.fill(9), s.counter += 1; });
  EXPECT_EQ(EXDEV, VolumeSet::open(devices({0, 1})).code());
}

TEST_F(VolumeSetTest, TheNewestCopyAndTheHighestEpochHold) {
  change(0, [](Superblock& s) {
    s.counter = 9, s.snapshot = NeedlePlace{{VolumeId(1), Generation(1), 64}, 100, 5};
  });
  change(1, [](Superblock& s) { s.counter = 8, s.epoch = Epoch(7); });
  auto set = VolumeSet::open(devices({0, 1}));
  ASSERT_TRUE(set.ok());
  EXPECT_EQ(9u, (*set)->superblock().counter);
  EXPECT_EQ(Epoch(7), (*set)->superblock().epoch);
  EXPECT_TRUE((*set)->superblock().snapshot.has_value());
}

TEST_F(VolumeSetTest, AnUpdateReachesAllDevicesAndKeepsWhatItDoesNotName) {
  auto set = VolumeSet::open(devices({0, 1}));
  ASSERT_TRUE(set.ok());
  const NeedlePlace snapshot{{make_volume_id(1, 2), Generation(1), 4096}, 1000, 77};
  ASSERT_TRUE((*set)->update_superblocks(Epoch(2), std::nullopt).ok());
  ASSERT_TRUE((*set)->update_superblocks(std::nullopt, snapshot).ok());
  for (std::uint32_t index = 0; index < 2; ++index) {
    const Superblock s = on_disk(index);
    EXPECT_EQ(3u, s.counter);
    EXPECT_EQ(Epoch(2), s.epoch);
    EXPECT_EQ(snapshot, s.snapshot);
    EXPECT_EQ(index, s.device_index);
  }
  EXPECT_EQ(Epoch(2), (*set)->superblock().epoch);
  EXPECT_EQ(snapshot, (*set)->superblock().snapshot);
}

// Invariant 9.
TEST_F(VolumeSetTest, AWriterThatWasTakenOverWritesNothing) {
  auto old_writer = VolumeSet::open(devices({0, 1}));
  auto new_writer = VolumeSet::open(devices({0, 1}));
  ASSERT_TRUE((*old_writer)->update_superblocks(Epoch(2), std::nullopt).ok());
  change(1, [](Superblock& s) { s.epoch = Epoch(3), s.counter += 1; });
  const Superblock before = on_disk(0);
  EXPECT_EQ(ESTALE, (*old_writer)->update_superblocks(Epoch(4), std::nullopt).code());
  EXPECT_EQ(before, on_disk(0));
  EXPECT_EQ(Epoch(3), on_disk(1).epoch);
}

TEST_F(VolumeSetTest, ACrashInAnUpdateLeavesAStoreWithTheOldOrTheNewEpoch) {
  for (std::uint64_t cut = 1; cut <= 4; ++cut) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      disks.clear();
      SetUp();
      auto plan = std::make_shared<CrashPlan>();
      std::vector<std::shared_ptr<CrashDevice>> machines;
      Devices out;
      for (const auto& disk : disks) {
        machines.push_back(std::make_shared<CrashDevice>(disk, plan));
        out.push_back(raw_store_device(machines.back()));
      }
      auto set = VolumeSet::open(std::move(out));
      ASSERT_TRUE(set.ok());
      plan->cut_at_sync(cut, CrashPlan::Cut::when_sync_begins);
      EXPECT_EQ(EIO, (*set)->update_superblocks(Epoch(2), std::nullopt).code());
      Devices survivors;
      for (const auto& machine : machines) survivors.push_back(raw_store_device(machine->survivor(seed)));
      auto after = VolumeSet::open(std::move(survivors));
      ASSERT_TRUE(after.ok()) << "cut " << cut << " seed " << seed << ": " << to_string(after.error());
      const Epoch epoch = (*after)->superblock().epoch;
      EXPECT_TRUE(epoch == Epoch(2) || (epoch == Epoch(1) && cut == 1));
    }
  }
}

TEST_F(VolumeSetTest, VolumesAreOpenedOnceAndNamedByDevice) {
  auto set = VolumeSet::open(devices({0, 1}));
  ASSERT_TRUE(set.ok());
  const VolumeId id = make_volume_id(1, 3);
  auto volume = (*set)->volume(id);
  ASSERT_TRUE(volume.ok());
  EXPECT_EQ(volume->get(), (*set)->volume(id)->get());
  EXPECT_EQ(ENOENT, (*set)->volume(make_volume_id(1, 4)).code());
  EXPECT_EQ(ENOENT, (*set)->volume(make_volume_id(2, 0)).code());
  EXPECT_EQ(8u, (*set)->existing_volumes()->size());
  EXPECT_EQ(make_volume_id(1, 0), (*set)->existing_volumes()->at(4));
  ASSERT_TRUE((*volume)->write(0, ByteVector(512, std::byte{1})).ok());
  EXPECT_TRUE((*set)->free_volume(id).ok());
  ByteVector bytes(512);
  ASSERT_TRUE((*(*set)->create_volume(id))->read(0, bytes).ok());
  EXPECT_EQ(ByteVector(512), bytes);
  EXPECT_TRUE((*set)->sync_all().ok());
}

// Stands as long as this object.
class DescriptorLimit {
 public:
  explicit DescriptorLimit(rlim_t most) {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    const rlimit now{most, before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &now), 0);
  }
  ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

std::unique_ptr<VolumeSet> empty_directory_store(const std::string& path) {
  Superblock s = test::directory_superblock();
  s.device_count = 1;
  Devices devices;
  devices.push_back(*create_store_device(path));
  EXPECT_TRUE(devices.back()->begin_format(s).ok());
  EXPECT_TRUE(devices.back()->write_superblock(s).ok());
  return *VolumeSet::open(std::move(devices));
}

TEST(OpenVolumes, TakeHalfOfTheDescriptorsButForThoseInUse) {
  const test::TempDirectory folder;
  const auto set = empty_directory_store(folder.path() + "/store");
  const auto count = [] {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
  };
  const auto before = count();
  constexpr std::uint32_t kVolumes = 40;
  const DescriptorLimit limit(kVolumes);
  IoBuffer block(kBlockBytes);
  for (std::uint32_t slot = 0; slot < kVolumes; ++slot) {
    const auto made = set->create_volume(make_volume_id(0, slot));
    ASSERT_TRUE(made.ok()) << to_string(made.error());
    block.data()[0] = static_cast<std::byte>(slot);
    ASSERT_TRUE((*made)->write(0, block.span()).ok());
  }
  const auto held = *set->volume(make_volume_id(0, 3));
  for (std::uint32_t slot = 0; slot < kVolumes; ++slot) {
    const auto volume = set->volume(make_volume_id(0, slot));
    ASSERT_TRUE(volume.ok()) << to_string(volume.error());
    ASSERT_TRUE((*volume)->read(0, block.span()).ok());
    EXPECT_EQ(block.data()[0], static_cast<std::byte>(slot));
    ASSERT_TRUE((*volume)->sync().ok());
  }
  EXPECT_TRUE(held->read(0, block.span()).ok());
  EXPECT_EQ(*set->volume(make_volume_id(0, 3)), held);
  EXPECT_LE(count(), before + static_cast<std::ptrdiff_t>(kVolumes) / 2 + 1);
}

TEST(OpenVolumes, AreClosedForOthersWhenNoDescriptorIsLeft) {
  const test::TempDirectory folder;
  const auto set = empty_directory_store(folder.path() + "/store");
  for (std::uint32_t slot = 0; slot < 8; ++slot)
    ASSERT_TRUE(set->create_volume(make_volume_id(0, slot)).ok());
  const auto held = *set->volume(make_volume_id(0, 7));
  const DescriptorLimit limit(60);
  std::vector<UniqueFd> others;
  do {
    others.emplace_back(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
  } while (others.back().valid());
  EXPECT_TRUE(set->create_volume(make_volume_id(0, 8)).ok());
  EXPECT_TRUE(set->free_volume(make_volume_id(0, 8)).ok());
  others.emplace_back(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
  while (others.back().valid()) others.emplace_back(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
  EXPECT_EQ(EMFILE, set->volume(make_volume_id(0, 0)).code());
}

}  // namespace
}  // namespace ciaos::store
