#include "fuse/translate.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fuse/mount_options.h"
#include "fuse/request_buffer.h"
#include "fuse/session.h"

namespace ciaos::fuse {
namespace {

const engine::Caller kRoot{.uid = 0, .gid = 0, .umask = 0};
const engine::Caller kUser{.uid = 1000, .gid = 1000, .umask = 0};

TEST(Translate, EveryAttributeReachesItsFieldOfStat) {
  engine::Attributes attributes;
  attributes.inode = InodeId(1ull << 40);
  attributes.mode = S_IFCHR | 0640;
  attributes.uid = 7;
  attributes.gid = 8;
  attributes.links = 3;
  attributes.device = 0x501;
  attributes.size = 1ull << 50;
  attributes.blocks512 = 9;
  attributes.accessed = {-1, 1};
  attributes.modified = {1ll << 33, 2};
  attributes.changed = {5, 999'999'999};
  const struct stat out = stat_of(attributes);
  EXPECT_EQ(out.st_ino, 1ull << 40);
  EXPECT_EQ(out.st_mode, S_IFCHR | 0640u);
  EXPECT_EQ(out.st_uid, 7u);
  EXPECT_EQ(out.st_gid, 8u);
  EXPECT_EQ(out.st_nlink, 3u);
  EXPECT_EQ(out.st_rdev, 0x501u);
  EXPECT_EQ(out.st_size, off_t{1} << 50);
  EXPECT_EQ(out.st_blocks, 9);
  EXPECT_EQ(out.st_atim.tv_sec, -1);
  EXPECT_EQ(out.st_atim.tv_nsec, 1);
  EXPECT_EQ(out.st_mtim.tv_sec, 1ll << 33);
  EXPECT_EQ(out.st_mtim.tv_nsec, 2);
  EXPECT_EQ(out.st_ctim.tv_sec, 5);
  EXPECT_EQ(out.st_ctim.tv_nsec, 999'999'999);
}

TEST(Translate, AMissingNameIsRememberedByTheKernel) {
  const fuse_entry_param entry = negative_entry();
  EXPECT_EQ(entry.ino, 0u);
  EXPECT_GT(entry.entry_timeout, 3600);
}

TEST(Translate, OnlyWhatTheKernelNamesIsSet) {
  struct stat wanted {};
  wanted.st_mode = S_IFREG | 04755;
  wanted.st_uid = 5;
  wanted.st_size = 100;
  const auto set = set_attributes_of(wanted, FUSE_SET_ATTR_MODE, kUser);
  EXPECT_EQ(set.mode, 04755u);
  EXPECT_FALSE(set.uid || set.gid || set.size || set.accessed || set.modified);
  EXPECT_FALSE(set.accessed_now || set.modified_now || set.clears_set_id);
}

TEST(Translate, NowWinsOverTheTimeThatComesWithIt) {
  struct stat wanted {};
  wanted.st_atim = {.tv_sec = -3, .tv_nsec = 4};
  const auto set =
      set_attributes_of(wanted, FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW, kUser);
  EXPECT_EQ(set.accessed, (Timestamp{-3, 4}));
  EXPECT_FALSE(set.accessed_now);
  EXPECT_TRUE(set.modified_now);
  EXPECT_FALSE(set.modified);
}

TEST(Translate, TruncationByAUserClearsSetIdBitsAndByRootDoesNot) {
  const struct stat wanted {};
  EXPECT_TRUE(set_attributes_of(wanted, FUSE_SET_ATTR_SIZE, kUser).clears_set_id);
  EXPECT_FALSE(set_attributes_of(wanted, FUSE_SET_ATTR_SIZE, kRoot).clears_set_id);
}

TEST(Translate, RenameFlagsAreHonouredOrRefusedButNeverIgnored) {
  const InodeId a(2), b(3);
  EXPECT_FALSE(rename_of(a, "x", b, "y", 0, kUser)->no_replace);
  EXPECT_TRUE(rename_of(a, "x", b, "y", RENAME_NOREPLACE, kUser)->no_replace);
  EXPECT_TRUE(rename_of(a, "x", b, "y", RENAME_EXCHANGE, kUser)->exchange);
  const auto both = rename_of(a, "x", b, "y", RENAME_NOREPLACE | RENAME_WHITEOUT, kUser);
  EXPECT_TRUE(both->no_replace && both->whiteout && !both->exchange);
  EXPECT_EQ(both->caller.uid, kUser.uid);
  EXPECT_EQ(rename_of(a, "x", b, "y", 8, kUser).code(), EINVAL);
}

TEST(Translate, TheUmaskIsLeftToTheEngine) {
  fuse_ctx context{};
  context.uid = 7;
  context.gid = 8;
  context.umask = 027;
  const engine::Caller caller = caller_of(context);
  EXPECT_EQ(caller.uid, 7u);
  EXPECT_EQ(caller.gid, 8u);
  EXPECT_EQ(caller.umask, 027u);
}

TEST(Translate, ExtendedAttributeFlags) {
  EXPECT_EQ(*xattr_mode_of(0), engine::XattrMode::any);
  EXPECT_EQ(*xattr_mode_of(XATTR_CREATE), engine::XattrMode::create);
  EXPECT_EQ(*xattr_mode_of(XATTR_REPLACE), engine::XattrMode::replace);
  EXPECT_EQ(*xattr_mode_of(XATTR_CREATE | XATTR_REPLACE), engine::XattrMode::create);
  EXPECT_EQ(xattr_mode_of(4).code(), EINVAL);
}

TEST(Translate, OpenFlags) {
  EXPECT_FALSE(open_mode_of(O_RDONLY).write);
  EXPECT_TRUE(open_mode_of(O_WRONLY).write);
  EXPECT_TRUE(open_mode_of(O_RDWR | O_TRUNC).truncate);
  EXPECT_TRUE(asks_for_sync(O_SYNC));
  EXPECT_TRUE(asks_for_sync(O_WRONLY | O_DSYNC));
  EXPECT_FALSE(asks_for_sync(O_WRONLY | O_APPEND));
}

TEST(Translate, PagesOfAMappingAreNotAppended) {
  fuse_file_info file{};
  file.flags = O_WRONLY | O_APPEND;
  EXPECT_TRUE(write_mode_of(file, kRoot).append);
  file.writepage = 1;
  EXPECT_FALSE(write_mode_of(file, kRoot).append);
}

TEST(Translate, AttributeNamesEndInNul) {
  using namespace std::string_literals;
  EXPECT_EQ(joined_names({}), "");
  EXPECT_EQ(joined_names({"user.a", "user.b"}), "user.a\0user.b\0"s);
}

TEST(Translate, StatfsCountsInBlocks) {
  const struct statvfs out = statvfs_of({.bytes_total = 10 * 4096,
                                         .bytes_free = 4 * 4096 + 1,
                                         .inodes = 3,
                                         .inodes_free = 5,
                                         .block_bytes = 4096});
  EXPECT_EQ(out.f_blocks, 10u);
  EXPECT_EQ(out.f_bavail, 4u);
  EXPECT_EQ(out.f_files, 8u);
  EXPECT_EQ(out.f_ffree, 5u);
}

TEST(MountOptions, CommasInsideAnOptionAreEscaped) {
  EXPECT_EQ(joined_mount_options({}), "");
  EXPECT_EQ(joined_mount_options({"ro", "fsname=/a,b\\c"}), "ro,fsname=/a\\,b\\\\c");
}

TEST(RequestBuffer, IsPageAlignedAndBounded) {
  const MutableByteSpan buffer = request_buffer(5000);
  EXPECT_EQ(buffer.size(), 5000u);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 4096, 0u);
  EXPECT_EQ(request_buffer(std::size_t{1} << 40).size(), kRequestBytesMax);
}

TEST(Translate, AFileWithSetIdBitsIsAskedForEachTime) {
  const auto seconds = [](std::uint32_t mode) {
    engine::Attributes attributes;
    attributes.mode = mode;
    return valid_seconds_of(attributes);
  };
  EXPECT_EQ(seconds(S_IFREG | 0755), kCacheSeconds);
  EXPECT_EQ(seconds(S_IFREG | 04755), 0);
  EXPECT_EQ(seconds(S_IFREG | 02755), 0);
  EXPECT_EQ(seconds(S_IFDIR | 02755), kCacheSeconds);
}

TEST(Translate, ASetattrOfNothingIsNoLastWord) {
  EXPECT_EQ(valid_seconds_after(0), 0);
  EXPECT_EQ(valid_seconds_after(FUSE_SET_ATTR_MODE), kCacheSeconds);
}

TEST(Translate, OnlyDataAndHolesAreSoughtHere) {
  EXPECT_EQ(*seek_of(SEEK_DATA), engine::SeekTo::data);
  EXPECT_EQ(*seek_of(SEEK_HOLE), engine::SeekTo::hole);
  EXPECT_EQ(seek_of(SEEK_END).code(), EINVAL);
}

TEST(Translate, FallocateServesWhatItPromisesAndNothingElse) {
  const auto punch = range_change_of(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 5, 7, kUser);
  ASSERT_TRUE(punch.ok());
  EXPECT_EQ(punch->kind, engine::RangeKind::punch);
  EXPECT_EQ(punch->offset, 5u);
  EXPECT_EQ(punch->length, 7u);
  EXPECT_TRUE(punch->keep_size);
  EXPECT_TRUE(punch->clears_set_id);
  const auto zero = range_change_of(FALLOC_FL_ZERO_RANGE, 0, 1, kRoot);
  ASSERT_TRUE(zero.ok());
  EXPECT_EQ(zero->kind, engine::RangeKind::zero);
  EXPECT_FALSE(zero->keep_size);
  EXPECT_FALSE(zero->clears_set_id);
  EXPECT_TRUE(range_change_of(FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 0, 1, kRoot)->keep_size);
  const auto reserve = range_change_of(0, 5, 7, kRoot);
  ASSERT_TRUE(reserve.ok());
  EXPECT_EQ(reserve->kind, engine::RangeKind::reserve);
  EXPECT_FALSE(reserve->keep_size);
  EXPECT_TRUE(range_change_of(FALLOC_FL_KEEP_SIZE, 5, 7, kRoot)->keep_size);
  EXPECT_EQ(range_change_of(FALLOC_FL_PUNCH_HOLE, 0, 1, kRoot).code(), EOPNOTSUPP);
  EXPECT_EQ(range_change_of(FALLOC_FL_COLLAPSE_RANGE, 0, 4096, kRoot).code(), EOPNOTSUPP);
  EXPECT_EQ(
      range_change_of(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 0, 1, kRoot).code(),
      EOPNOTSUPP);
  EXPECT_EQ(range_change_of(FALLOC_FL_ZERO_RANGE, 0, 0, kRoot).code(), EINVAL);
}

}  // namespace
}  // namespace ciaos::fuse
