// What only a block device can show: its size and sector, exclusive opening, and its lock.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "store/file_device.h"
#include "store_examples.h"
#include "temp_directory.h"

namespace ciaos::store {
namespace {

class BlockDeviceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(image) << "";
    ASSERT_EQ(0, ::truncate(image.c_str(), static_cast<off_t>(superblock.device_bytes)));
    std::FILE* losetup = ::popen(("losetup --find --show " + image + " 2>&1").c_str(), "r");
    char line[256] = {};
    const bool answered = losetup != nullptr && std::fgets(line, sizeof line, losetup) != nullptr;
    const int status = losetup != nullptr ? ::pclose(losetup) : -1;
    if (!answered || status != 0) GTEST_SKIP() << "no loop device to be had: " << line;
    path = std::string(line, std::string_view(line).find('\n'));
  }
  void TearDown() override {
    if (!path.empty() && std::system(("losetup --detach " + path).c_str()) != 0) ADD_FAILURE() << path;
  }

  const Superblock superblock = test::raw_superblock(4);
  test::TempDirectory directory;
  const std::string image = directory / "image";
  std::string path;
};

TEST_F(BlockDeviceTest, SaysItsOwnSizeAndIsOpenedForWritingOnce) {
  auto first = FileDevice::open(path, FileDevice::Access::read_write);
  ASSERT_TRUE(first.ok()) << to_string(first.error());
  EXPECT_TRUE((*first)->is_block_device());
  EXPECT_EQ(superblock.device_bytes, (*first)->size());
  EXPECT_LE((*first)->alignment(), kBlockBytes);
  const auto second = FileDevice::open(path, FileDevice::Access::read_write);
  EXPECT_EQ(EBUSY, second.code());
  EXPECT_TRUE(FileDevice::open(path, FileDevice::Access::read_only).ok());
  EXPECT_TRUE((*first)->discard(0, 1 << 20).ok());
}

TEST_F(BlockDeviceTest, HoldsAStoreAndIsLockedByItsOwner) {
  {
    auto created = create_store_device(path);
    ASSERT_TRUE(created.ok()) << to_string(created.error());
    ASSERT_TRUE((*created)->begin_format(superblock).ok());
    ASSERT_TRUE((*created)->create_volume(1).ok());
    ASSERT_TRUE((*created)->write_superblock(superblock).ok());
    EXPECT_EQ(EBUSY, open_store_device(path, OpenAccess::read_write, 0).code());
    EXPECT_EQ(EBUSY, open_store_device(path, OpenAccess::read_only, 0).code());
  }
  auto opened = open_store_device(path, OpenAccess::read_only, 1000);
  ASSERT_TRUE(opened.ok()) << to_string(opened.error());
  EXPECT_EQ(superblock, *(*opened)->read_superblock());
  EXPECT_TRUE((*opened)->sync_all().ok());
}

}  // namespace
}  // namespace ciaos::store
