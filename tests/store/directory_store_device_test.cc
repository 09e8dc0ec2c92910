#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "store_examples.h"
#include "temp_directory.h"

namespace ciaos::store {
namespace {

class DirectoryStoreDeviceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto created = create_store_device(path);
    ASSERT_TRUE(created.ok()) << to_string(created.error());
    store = std::move(*created);
  }
  void format() { ASSERT_TRUE(store->write_superblock(superblock).ok()); }
  void reopen(OpenAccess access = OpenAccess::read_write) {
    store.reset();
    auto opened = open_store_device(path, access, 0);
    ASSERT_TRUE(opened.ok()) << to_string(opened.error());
    store = std::move(*opened);
    ASSERT_TRUE(store->read_superblock().ok());
  }

  test::TempDirectory directory;
  const std::string path = directory / "store";
  const Superblock superblock = test::directory_superblock();
  std::unique_ptr<StoreDevice> store;
};

TEST_F(DirectoryStoreDeviceTest, ANewOneIsLaidOutAndHoldsNoStoreYet) {
  EXPECT_EQ(StoreKind::directory, store->kind());
  EXPECT_EQ(ENODATA, store->read_superblock().code());
  EXPECT_EQ(2 * kBlockBytes, std::filesystem::file_size(path + "/superblock"));
  EXPECT_TRUE(std::filesystem::is_directory(path + "/volumes"));
}

TEST_F(DirectoryStoreDeviceTest, CopiesAreTheTwoBlocksOfTheSuperblockFile) {
  format();
  std::ifstream file(path + "/superblock", std::ios::binary);
  for (int copy = 0; copy < 2; ++copy) {
    ByteVector block(kBlockBytes);
    file.read(reinterpret_cast<char*>(block.data()), kBlockBytes);
    EXPECT_EQ(superblock, *decode_superblock(block));
  }
  reopen();
  EXPECT_EQ(superblock, *store->read_superblock());
}

TEST_F(DirectoryStoreDeviceTest, AVolumeIsAPreallocatedFileOfItsNumber) {
  format();
  auto volume = store->create_volume(17);
  ASSERT_TRUE(volume.ok()) << to_string(volume.error());
  EXPECT_EQ(test::kSmallVolumeBytes, (*volume)->size());
  EXPECT_EQ(test::kSmallVolumeBytes, std::filesystem::file_size(path + "/volumes/17"));
  EXPECT_EQ(EEXIST, store->create_volume(17).code());
  ASSERT_TRUE(store->create_volume(3).ok());
  std::ofstream(path + "/volumes/notes.txt") << "not ours";
  std::ofstream(path + "/volumes/007") << "not ours";
  EXPECT_EQ((std::vector<std::uint32_t>{3, 17}), *store->existing_volumes());
}

TEST_F(DirectoryStoreDeviceTest, AFreedVolumeIsGoneAndOpenDescriptorsGoOnReading) {
  format();
  auto volume = store->create_volume(1);
  ASSERT_TRUE(volume.ok());
  IoBuffer block(kBlockBytes);
  block.data()[0] = std::byte{7};
  ASSERT_TRUE((*volume)->write(0, block.span()).ok());
  ASSERT_TRUE(store->free_volume(1).ok());
  EXPECT_EQ(ENOENT, store->open_volume(1).code());
  IoBuffer back(kBlockBytes);
  ASSERT_TRUE((*volume)->read(0, back.span()).ok());
  EXPECT_EQ(std::byte{7}, back.data()[0]);
  EXPECT_TRUE(store->free_volume(1).ok()) << "gone already is what was asked for";
}

TEST_F(DirectoryStoreDeviceTest, OfATruncatedVolumeTheRestIsReadable) {
  format();
  const std::string file = path + "/volumes/1";
  IoBuffer block(kBlockBytes);
  block.data()[5] = std::byte{7};
  ASSERT_TRUE((*store->create_volume(1))->write(kBlockBytes, block.span()).ok());
  ASSERT_EQ(0, ::truncate(file.c_str(), 3 * kBlockBytes + 100));
  auto volume = store->open_volume(1);
  ASSERT_TRUE(volume.ok()) << to_string(volume.error());
  EXPECT_EQ(3 * kBlockBytes, (*volume)->size());
  IoBuffer back(kBlockBytes);
  ASSERT_TRUE((*volume)->read(kBlockBytes, back.span()).ok());
  EXPECT_EQ(std::byte{7}, back.data()[5]);
  EXPECT_EQ(EINVAL, (*volume)->read(3 * kBlockBytes, back.span()).code());
}

TEST_F(DirectoryStoreDeviceTest, AVolumeEndsWhereItShouldThoughItsFileGoesOn) {
  format();
  ASSERT_TRUE(store->create_volume(1).ok());
  std::ofstream(path + "/volumes/1", std::ios::app) << "not ours";
  auto volume = store->open_volume(1);
  ASSERT_TRUE(volume.ok()) << to_string(volume.error());
  EXPECT_EQ(test::kSmallVolumeBytes, (*volume)->size());
}

TEST_F(DirectoryStoreDeviceTest, CreatableVolumesFollowTheHostsFreeSpace) {
  format();
  const std::uint64_t free_bytes = *store->capacity_bytes();
  EXPECT_LE(*store->creatable_volumes(), free_bytes / test::kSmallVolumeBytes + 64);
}

TEST_F(DirectoryStoreDeviceTest, SyncAllTakesWhatIsThere) {
  format();
  EXPECT_TRUE(store->sync_all().ok());
  for (std::uint32_t slot = 0; slot < 3; ++slot) ASSERT_TRUE(store->create_volume(slot).ok());
  EXPECT_TRUE(store->sync_all().ok());
}

TEST_F(DirectoryStoreDeviceTest, ReadOnlyWritesNothing) {
  format();
  ASSERT_TRUE(store->create_volume(1).ok());
  reopen(OpenAccess::read_only);
  EXPECT_EQ(EROFS, store->write_superblock(superblock).code());
  EXPECT_EQ(EROFS, store->create_volume(2).code());
  EXPECT_EQ(EROFS, store->free_volume(1).code());
  EXPECT_EQ(EROFS, store->begin_format(superblock).code());
  auto volume = store->open_volume(1);
  ASSERT_TRUE(volume.ok());
  const IoBuffer block(kBlockBytes);
  EXPECT_EQ(EIO, (*volume)->write(0, block.span()).code());
  EXPECT_TRUE(open_store_device(path, OpenAccess::read_only, 0).ok()) << "readers share";
  EXPECT_EQ(EBUSY, open_store_device(path, OpenAccess::read_write, 0).code());
}

TEST_F(DirectoryStoreDeviceTest, AFormattingOrOpenStoreIsBusyForEverybodyElse) {
  EXPECT_EQ(EBUSY, open_store_device(path, OpenAccess::read_write, 0).code());
  EXPECT_EQ(EBUSY, open_store_device(path, OpenAccess::read_only, 0).code());
}

TEST_F(DirectoryStoreDeviceTest, BeginFormatRemovesOldVolumesAndSuperblocks) {
  format();
  ASSERT_TRUE(store->create_volume(0).ok());
  ASSERT_TRUE(store->begin_format(superblock).ok());
  EXPECT_EQ(ENODATA, store->read_superblock().code());
  EXPECT_TRUE(store->existing_volumes()->empty());
  EXPECT_TRUE(store->create_volume(0).ok()) << "the plan's geometry holds before a superblock says it";
}

TEST_F(DirectoryStoreDeviceTest, WhatIsNoStoreIsToldApart) {
  EXPECT_EQ(ENODATA, open_store_device(directory.path(), OpenAccess::read_write, 0).code());
  EXPECT_EQ(ENOENT, open_store_device(directory / "nothing", OpenAccess::read_write, 0).code());
  EXPECT_EQ(EINVAL, open_store_device("/dev/null", OpenAccess::read_write, 0).code());
  store.reset();
  ASSERT_EQ(0, ::truncate((path + "/superblock").c_str(), 4095));
  EXPECT_EQ(EUCLEAN, open_store_device(path, OpenAccess::read_write, 0).code());
}

TEST_F(DirectoryStoreDeviceTest, AnImageFileIsARawDevice) {
  const std::string image = directory / "image";
  std::ofstream(image) << "";
  const Superblock raw = test::raw_superblock(4);
  ASSERT_EQ(0, ::truncate(image.c_str(), static_cast<off_t>(raw.device_bytes)));
  {
    auto created = create_store_device(image);
    ASSERT_TRUE(created.ok()) << to_string(created.error());
    EXPECT_EQ(StoreKind::raw, (*created)->kind());
    ASSERT_TRUE((*created)->begin_format(raw).ok());
    auto volume = (*created)->create_volume(2);
    ASSERT_TRUE(volume.ok());
    EXPECT_EQ(kSlotsBegin + 2 * test::kSmallVolumeBytes, (*volume)->native_offset());
    IoBuffer block(kBlockBytes);
    block.data()[0] = std::byte{9};
    IoRequest request{
        .device = volume->get(), .operation = IoRequest::Operation::write, .from = block.span()};
    ASSERT_TRUE(run_all({&request, 1}).ok());
    ASSERT_TRUE((*created)->write_superblock(raw).ok());
    EXPECT_EQ(EBUSY, open_store_device(image, OpenAccess::read_only, 0).code());
  }
  auto opened = open_store_device(image, OpenAccess::read_only, 0);
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(raw, *(*opened)->read_superblock());
  IoBuffer back(kBlockBytes);
  ASSERT_TRUE((*(*opened)->open_volume(2))->read(0, back.span()).ok());
  EXPECT_EQ(std::byte{9}, back.data()[0]) << "a batch in the ring lands in its slot";
  EXPECT_EQ(EROFS, (*opened)->write_superblock(raw).code());
}

}  // namespace
}  // namespace ciaos::store
