// A directory that is the root of what a mount shows (Q7).
#include "engine/mounted_root.h"

#include "engine/objects.h"
#include "support/engine_fixture.h"
#include "support/object_shell.h"

namespace ciaos::test {
namespace {

class MountedDirectory : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    ASSERT_EQ(shell().mkdir("/a"), 0);
    ASSERT_EQ(shell().mkdir("/a/b"), 0);
    ASSERT_EQ(shell().mkdir("/a/b/c"), 0);
    ASSERT_EQ(shell().put("/a/b/f", "below"), 0);
    ASSERT_EQ(shell().put("/a/f", "above"), 0);
    ASSERT_EQ(shell().symlink("b", "/a/link"), 0);
  }
  InodeId dot_dot_in_listing(InodeId directory) {
    InodeId found;
    const Status status = store->readdir(directory, 0, false, [&](const auto& entry, const auto*) {
      if (entry.name == "..") found = entry.inode;
      return true;
    });
    EXPECT_TRUE(status.ok());
    return found;
  }
};

TEST_F(MountedDirectory, IsTheRootAndHasNothingAboveIt) {
  const InodeId above = shell().inode("/a");
  ASSERT_TRUE(store->show_directory("/a/b/").ok());
  EXPECT_EQ(shell().ls("/"), (std::vector<std::string>{"c", "f"}));
  EXPECT_EQ(shell().cat("/f"), "below");
  EXPECT_FALSE(shell().exists("/a"));
  EXPECT_EQ(store->getattr(kRootInode)->inode, kRootInode);
  for (const InodeId directory : {kRootInode, shell().inode("/c")}) {
    EXPECT_EQ(store->lookup(directory, "..")->inode, kRootInode);
    EXPECT_EQ(*store->parent_of(directory), kRootInode);
    EXPECT_EQ(dot_dot_in_listing(directory), kRootInode);
  }
  ASSERT_EQ(shell().mkdir("/d"), 0);
  ASSERT_EQ(shell().mv("/f", "/d/g"), 0);
  ASSERT_EQ(shell().ln("/d/g", "/h"), 0);
  ASSERT_EQ(shell().symlink("h", "/s"), 0);
  EXPECT_EQ(shell().chmod("/", 0700), 0);
  ASSERT_EQ(shell().rm("/d/g"), 0);
  ASSERT_EQ(shell().rmdir("/c"), 0);
  EXPECT_EQ(store->getattr(above)->mode & 07777, 0755u);
  store.reopen();
  EXPECT_EQ(shell().ls("/a/b"), (std::vector<std::string>{"d", "h", "s"}));
  EXPECT_EQ(shell().cat("/a/b/h"), "below");
  EXPECT_EQ(shell().stat("/a/b")->mode & 07777, 0700u);
}

TEST_F(MountedDirectory, HasTheReportsAndItsQuota) {
  ASSERT_EQ(shell().mkdir("/q"), 0);
  ASSERT_TRUE(
      store->setxattr({}, shell().inode("/q"), "trusted.ciaos.quota.bytes", "1M", engine::XattrMode::any)
          .ok());
  ASSERT_TRUE(store->show_directory("q").ok());
  EXPECT_EQ(store->statfs().bytes_total, 1u << 20);
  EXPECT_EQ(*store->getxattr(kRootInode, "trusted.ciaos.usage.files"), "1");
  const auto reports = store->lookup(kRootInode, ".ciaos");
  ASSERT_TRUE(reports.ok());
  EXPECT_TRUE(store->lookup(reports->inode, "version").ok());
  EXPECT_EQ(store->lookup(reports->inode, "..")->inode, kRootInode);
  EXPECT_EQ(shell().mkdir("/.ciaos"), EPERM);
}

TEST_F(MountedDirectory, ObjectsAreThoseOfTheStoreAndTheKernelHearsOfThem) {
  std::vector<std::string> told;
  store->watch({.name_changed =
                    [&](InodeId parent, const std::string& name) {
                      told.push_back(std::to_string(parent.value()) + name);
                    },
                .inode_changed = {}});
  ASSERT_TRUE(store->show_directory("a").ok());
  ASSERT_EQ(ObjectShell(store.engine()).put("a/key", "bytes"), 0);
  EXPECT_EQ(shell().cat("/key"), "bytes");
  EXPECT_EQ(told, std::vector<std::string>{"1key"});
}

TEST_F(MountedDirectory, MustBeOneThatIsThere) {
  EXPECT_EQ(store->show_directory("/a/none").code(), ENOENT);
  EXPECT_EQ(store->show_directory("/a/f").code(), ENOTDIR);
  EXPECT_EQ(store->show_directory("/a/f/g").code(), ENOTDIR);
  EXPECT_EQ(store->show_directory("/a/link").code(), ENOTDIR);
  EXPECT_TRUE(store->show_directory("/").ok());
  EXPECT_TRUE(shell().exists("/a/b/c"));
}

}  // namespace
}  // namespace ciaos::test
