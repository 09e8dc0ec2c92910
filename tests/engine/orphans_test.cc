// Files that are open and have no name any more (invariant 6).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/engine_fixture.h"

namespace ciaos::test {
namespace {

class Orphans : public EngineTest {
 protected:
  InodeId open(std::string_view path) {
    const InodeId inode = shell().inode(path);
    EXPECT_EQ(store->open({}, inode, {.write = true}).code(), 0);
    return inode;
  }
  std::string contents(InodeId inode) {
    auto bytes = read_whole(store.engine(), inode);
    return bytes.ok() ? *bytes : "error: " + to_string(bytes.error());
  }
};

TEST_F(Orphans, AnUnlinkedFileThatIsOpenKeepsWorking) {
  ASSERT_EQ(shell().put("/a", "contents"), 0);
  const InodeId file = open("/a");
  ASSERT_EQ(shell().rm("/a"), 0);
  EXPECT_FALSE(shell().exists("/a"));
  EXPECT_EQ(store->getattr(file)->links, 0u);
  EXPECT_EQ(contents(file), "contents");
  EXPECT_TRUE(store->write(file, 8, as_bytes(" and more"), {}).ok());
  EXPECT_EQ(store->setxattr({}, file, "user.a", "b", engine::XattrMode::any).code(), 0);
  EXPECT_EQ(store->fsync(file).code(), 0);
  EXPECT_EQ(contents(file), "contents and more");
  engine::SetAttributes set;
  set.size = 4;
  set.mode = 0600;
  EXPECT_EQ(store->setattr({}, file, set)->size, 4u);
  EXPECT_EQ(contents(file), "cont");
}

TEST_F(Orphans, TheLastReleaseFreesTheFile) {
  ASSERT_EQ(shell().put("/a", "contents"), 0);
  const InodeId file = open("/a");
  open("/a");
  ASSERT_EQ(shell().rm("/a"), 0);
  store->release(file);
  EXPECT_EQ(contents(file), "contents");
  EXPECT_EQ(store->statfs().inodes, 2u);
  store->release(file);
  EXPECT_EQ(store->getattr(file).code(), ENOENT);
  EXPECT_EQ(store->statfs().inodes, 1u);
}

TEST_F(Orphans, TheKernelsMemoryOfANameKeepsTheFileTooUntilItForgets) {
  ASSERT_EQ(shell().put("/a", "contents"), 0);
  const InodeId file = store->lookup(kRootInode, "a")->inode;
  ASSERT_TRUE(store->lookup(kRootInode, "a").ok());
  ASSERT_EQ(shell().rm("/a"), 0);
  EXPECT_EQ(contents(file), "contents");
  store->forget(file, 1);
  EXPECT_EQ(contents(file), "contents");
  store->forget(file, 1);
  EXPECT_EQ(store->getattr(file).code(), ENOENT);
}

TEST_F(Orphans, AFileThatNobodyHasOpenGoesWithItsLastName) {
  ASSERT_EQ(shell().put("/a", "contents"), 0);
  ASSERT_EQ(shell().ln("/a", "/b"), 0);
  const InodeId file = shell().inode("/a");
  ASSERT_EQ(shell().rm("/a"), 0);
  EXPECT_EQ(store->getattr(file)->links, 1u);
  ASSERT_EQ(shell().rm("/b"), 0);
  EXPECT_EQ(store->getattr(file).code(), ENOENT);
}

TEST_F(Orphans, AFileThatARenameReplacedKeepsWorkingWhileOpen) {
  ASSERT_EQ(shell().put("/old", "old"), 0);
  ASSERT_EQ(shell().put("/new", "new"), 0);
  const InodeId file = open("/old");
  ASSERT_EQ(shell().mv("/new", "/old"), 0);
  EXPECT_EQ(shell().cat("/old"), "new");
  EXPECT_EQ(contents(file), "old");
  EXPECT_EQ(store->getattr(file)->links, 0u);
}

TEST_F(Orphans, NothingCanBeMadeInADirectoryThatIsGone) {
  ASSERT_EQ(shell().mkdir("/d"), 0);
  const InodeId directory = shell().inode("/d");
  ASSERT_TRUE(store->open({}, directory, {}).ok());
  ASSERT_EQ(shell().rmdir("/d"), 0);
  EXPECT_EQ(store->getattr(directory)->links, 0u);
  EXPECT_EQ(store->mkdir({}, directory, "x", 0755).code(), ENOENT);
  EXPECT_EQ(store->create({}, directory, "x", 0644).code(), ENOENT);
  EXPECT_EQ(store->lookup(directory, "x").code(), ENOENT);
  int entries = 0;
  EXPECT_TRUE(store
                  ->readdir(directory, 0, false,
                            [&](const engine::DirectoryEntry& entry, const engine::Attributes*) {
                              if (entry.name != "." && entry.name != "..") ++entries;
                              return true;
                            })
                  .ok());
  EXPECT_EQ(entries, 0);
  store->release(directory);
  EXPECT_EQ(store->getattr(directory).code(), ENOENT);
}

TEST_F(Orphans, ACrashFreesThem) {
  ASSERT_EQ(shell().put("/a", pattern(100'000)), 0);
  const InodeId file = open("/a");
  ASSERT_EQ(shell().rm("/a"), 0);
  ASSERT_EQ(store->commit().code(), 0);
  kill_and_open();
  EXPECT_EQ(store->getattr(file).code(), ENOENT);
  EXPECT_EQ(store->statfs().inodes, 1u);
}

TEST_F(Orphans, ACrashFreesThemWhenTheIndexIsGoneToo) {
  ASSERT_EQ(shell().put("/a", pattern(100'000)), 0);
  const InodeId file = open("/a");
  ASSERT_EQ(shell().rm("/a"), 0);
  ASSERT_EQ(store->commit().code(), 0);
  store.kill();
  store.put_index({});
  store.open();
  EXPECT_EQ(store->getattr(file).code(), ENOENT);
  EXPECT_EQ(store->statfs().inodes, 1u);
}

TEST_F(Orphans, ACleanCloseFreesThem) {
  ASSERT_EQ(shell().put("/a", "contents"), 0);
  const InodeId file = open("/a");
  ASSERT_EQ(shell().rm("/a"), 0);
  store.reopen();
  EXPECT_EQ(store->getattr(file).code(), ENOENT);
  EXPECT_EQ(store->statfs().inodes, 1u);
}

TEST_F(Orphans, NumbersAreNeverReused) {
  ASSERT_EQ(shell().put("/a", "contents"), 0);
  const InodeId first = shell().inode("/a");
  ASSERT_EQ(shell().rm("/a"), 0);
  store.reopen();
  ASSERT_EQ(shell().put("/a", "contents"), 0);
  EXPECT_GT(shell().inode("/a"), first);
}

}  // namespace
}  // namespace ciaos::test
