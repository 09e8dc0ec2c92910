// A tree that comes past the mount looks as if it had come through it.
#include <sys/stat.h>

#include <map>

#include "engine/tree_load.h"
#include "support/engine_fixture.h"

namespace ciaos::test {
namespace {

using engine::LoadEntry;
using engine::TreeLoad;

class TreeLoading : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    store->watch({.name_changed = [this](InodeId, const std::string& name) { ++told_names_[name]; },
                  .inode_changed = [this](InodeId inode) { ++told_inodes_[inode]; }});
  }
  // As one that begins and ends at once.
  static LoadEntry entry(const std::string& path, std::uint32_t mode) {
    return {.path = path, .begins = true, .ends = true, .mode = mode, .accessed = {5, 6}, .modified = {7, 8}};
  }
  LoadEntry file(const std::string& path, const std::string& bytes) {
    LoadEntry made = entry(path, S_IFREG | 0640);
    made.size = bytes.size();
    if (!bytes.empty()) made.pieces = {{.length = bytes.size(), .at = bytes_.size()}};
    bytes_ += bytes;
    return made;
  }
  // Into the root, each batch anew.
  int load(const std::vector<LoadEntry>& entries) {
    TreeLoad tree(store.engine(), kRootInode,
                  [this](std::uint64_t at, std::uint64_t length) -> Result<ByteVector> {
                    if (at + length > bytes_.size()) return fail(EPROTO);
                    const ByteSpan bytes = as_bytes(bytes_).subspan(at, length);
                    return ByteVector(bytes.begin(), bytes.end());
                  });
    for (const LoadEntry& one : entries) {
      if (const Status loaded = tree.apply(one); !loaded.ok()) return loaded.code();
    }
    return 0;
  }

  std::string bytes_;
  std::map<std::string, int> told_names_;
  std::map<InodeId, int> told_inodes_;
};

TEST_F(TreeLoading, MakesWhatItIsTold) {
  LoadEntry directory = entry("d", S_IFDIR | 0700);
  directory.ends = false;
  LoadEntry owned = file("d/owned", "contents");
  owned.mode = S_IFREG | 06755;
  owned.uid = 1000;
  owned.gid = 1001;
  owned.xattrs = {{"user.a", "1"}, {"trusted.b", std::string("\0x", 2)}};
  LoadEntry link = entry("d/link", S_IFLNK | 0777);
  link.target = "owned";
  LoadEntry device = entry("d/device", S_IFCHR | 0600);
  device.device = 259;
  LoadEntry last = entry("d", S_IFDIR | 0500);
  last.begins = false;
  ASSERT_EQ(load({directory, owned, link, device, last}), 0);
  const engine::Attributes about = *shell().stat("/d/owned");
  EXPECT_EQ(about.mode, S_IFREG | 06755u);
  EXPECT_EQ(about.uid, 1000u);
  EXPECT_EQ(about.gid, 1001u);
  EXPECT_EQ(about.modified, (Timestamp{7, 8}));
  EXPECT_EQ(about.accessed, (Timestamp{5, 6}));
  EXPECT_EQ(shell().cat("/d/owned"), "contents");
  EXPECT_EQ(*store->getxattr(about.inode, "trusted.b"), std::string("\0x", 2));
  EXPECT_EQ(*store->readlink(shell().inode("/d/link")), "owned");
  EXPECT_EQ(shell().stat("/d/device")->device, 259u);
  EXPECT_EQ(shell().stat("/d")->mode, S_IFDIR | 0500u);
  EXPECT_EQ(shell().stat("/d")->modified, (Timestamp{7, 8}));
  EXPECT_EQ(told_names_["owned"], 1);
  EXPECT_GT(told_inodes_[shell().inode("/d")], 0);
}

TEST_F(TreeLoading, ALongFileComesInParts) {
  const std::string first(3'000'000, 'a');
  LoadEntry begin = file("long", first);
  begin.ends = false;
  LoadEntry end = file("long", "tail");
  end.begins = false;
  end.pieces[0].offset = 5'000'000;
  end.size = 6'000'000;
  ASSERT_EQ(load({begin}), 0);
  ASSERT_EQ(load({end}), 0);
  EXPECT_EQ(shell().cat("/long"),
            first + std::string(2'000'000, '\0') + "tail" + std::string(1'000'000 - 4, '\0'));
  EXPECT_EQ(shell().stat("/long")->modified, (Timestamp{7, 8}));
}

TEST_F(TreeLoading, NamesOfOneFileStayThat) {
  LoadEntry link{.path = "d/other", .target = "file", .hard_link = true};
  ASSERT_EQ(load({file("file", "x"), entry("d", S_IFDIR | 0755), link, link}), 0);
  EXPECT_EQ(shell().inode("/d/other"), shell().inode("/file"));
  EXPECT_EQ(shell().stat("/file")->links, 2u);
  link.target = "none";
  EXPECT_EQ(load({link}), ENOENT);
}

TEST_F(TreeLoading, WhatIsThereGivesWayButDirectories) {
  ASSERT_EQ(shell().put("/file", "before"), 0);
  ASSERT_EQ(shell().ln("/file", "/other"), 0);
  ASSERT_EQ(shell().mkdir("/d"), 0);
  ASSERT_EQ(shell().put("/d/kept", "kept"), 0);
  ASSERT_EQ(load({file("file", "after"), entry("d", S_IFDIR | 0711)}), 0);
  EXPECT_EQ(shell().cat("/file"), "after");
  EXPECT_EQ(shell().cat("/other"), "before");
  EXPECT_EQ(shell().cat("/d/kept"), "kept");
  EXPECT_EQ(shell().stat("/d")->mode, S_IFDIR | 0711u);
  EXPECT_EQ(load({file("d", "x")}), EISDIR);
  EXPECT_EQ(load({entry("file", S_IFDIR | 0755)}), ENOTDIR);
}

TEST_F(TreeLoading, NothingLeadsOut) {
  ASSERT_EQ(shell().mkdir("/d"), 0);
  ASSERT_EQ(shell().symlink("/", "/link"), 0);
  for (const char* path : {"../x", "d/../x", "d/..", ".", "d//x", "/x"})
    EXPECT_EQ(load({file(path, "x")}), EINVAL) << path;
  EXPECT_EQ(load({file("link/x", "x")}), ENOTDIR);
  EXPECT_EQ(shell().ls("/").size(), 2u);
}

TEST_F(TreeLoading, NothingOfADirectorysListIsLeftOnWhatHadNone) {
  ASSERT_EQ(shell().mkdir("/d"), 0);
  // user::rwx, user:5:rwx, group::rwx, mask::rwx, other::rwx
  std::string list("\2\0\0\0", 4);
  for (const char tag : {'\1', '\2', '\4', '\x10', '\x20'})
    list += std::string{tag, 0, 7, 0} + (tag == 2 ? std::string("\5\0\0\0", 4) : std::string(4, '\xFF'));
  ASSERT_EQ(store->setxattr({}, shell().inode("/d"), "system.posix_acl_default", list, engine::XattrMode::any)
                .code(),
            0);
  ASSERT_EQ(load({file("d/file", "x"), entry("d/deeper", S_IFDIR | 0750)}), 0);
  EXPECT_EQ(shell().stat("/d/file")->mode, S_IFREG | 0640u);
  EXPECT_EQ(store->getxattr(shell().inode("/d/file"), "system.posix_acl_access").code(), ENODATA);
  EXPECT_EQ(store->getxattr(shell().inode("/d/deeper"), "system.posix_acl_default").code(), ENODATA);
}

TEST_F(TreeLoading, BytesThatCannotBeHadAreAnErrorOfTheirFile) {
  LoadEntry wrong = file("file", "x");
  wrong.pieces[0].at = 1000;
  EXPECT_EQ(load({wrong}), EPROTO);
  EXPECT_EQ(load({file("other", "y")}), 0);
  EXPECT_EQ(shell().cat("/other"), "y");
}

}  // namespace
}  // namespace ciaos::test
