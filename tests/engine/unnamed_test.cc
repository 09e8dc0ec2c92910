// Files that have no name yet (P17), and inodes that are reached by their number alone (P18).
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/stat.h>

#include <string>

#include "support/engine_fixture.h"

namespace ciaos::test {
namespace {

class Unnamed : public EngineTest {
 protected:
  InodeId make(bool linkable, std::string_view directory = "/") {
    const auto made = store->create_unnamed({}, shell().inode(directory), 0600, linkable);
    EXPECT_TRUE(made.ok()) << to_string(made.error());
    return made.ok() ? made->inode : InodeId{};
  }
  int write(InodeId inode, std::string_view bytes) {
    return store->write(inode, 0, as_bytes(bytes), {}).code();
  }
  void close(InodeId inode) {
    store->release(inode);
    store->forget(inode, 1);
  }
  std::uint64_t inodes() { return store->statfs().inodes; }
};

TEST_F(Unnamed, ItIsAFileThatNoDirectoryShows) {
  const std::uint64_t before = inodes();
  const InodeId file = make(true);
  EXPECT_EQ(store->getattr(file)->links, 0u);
  EXPECT_EQ(store->getattr(file)->mode, S_IFREG | 0600u);
  ASSERT_EQ(write(file, "text"), 0);
  EXPECT_EQ(*read_whole(store.engine(), file), "text");
  EXPECT_TRUE(shell().ls("/").empty());
  EXPECT_EQ(inodes(), before + 1);
  close(file);
  EXPECT_EQ(store->getattr(file).code(), ENOENT);
  EXPECT_EQ(inodes(), before);
}

TEST_F(Unnamed, ALinkGivesItItsFirstName) {
  const InodeId file = make(true);
  ASSERT_EQ(write(file, "text"), 0);
  store.clock->advance_ms(10);
  ASSERT_TRUE(store->link(file, kRootInode, "named").ok());
  store->forget(file, 1);
  EXPECT_EQ(store->getattr(file)->links, 1u);
  EXPECT_EQ(store->getattr(file)->changed, store.clock->now());
  ASSERT_EQ(shell().fsync("/named"), 0);
  close(file);
  EXPECT_EQ(shell().cat("/named"), "text");
  kill_and_open();
  EXPECT_EQ(shell().cat("/named"), "text");
  EXPECT_EQ(shell().inode("/named"), file);
}

TEST_F(Unnamed, WhatWasMadeToStayUnnamedOrLostItsNameGetsNone) {
  const InodeId file = make(false);
  EXPECT_EQ(store->link(file, kRootInode, "named").code(), ENOENT);
  close(file);
  const InodeId other = make(true);
  ASSERT_TRUE(store->link(other, kRootInode, "named").ok());
  store->forget(other, 1);
  ASSERT_EQ(shell().rm("/named"), 0);
  EXPECT_EQ(store->link(other, kRootInode, "again").code(), ENOENT);
  close(other);
  EXPECT_EQ(store->getattr(other).code(), ENOENT);
}

TEST_F(Unnamed, ACrashFreesIt) {
  const std::uint64_t before = inodes();
  const InodeId file = make(true);
  ASSERT_EQ(write(file, pattern(100'000)), 0);
  ASSERT_EQ(store->fsync(file).code(), 0);
  kill_and_open();
  EXPECT_EQ(store->getattr(file).code(), ENOENT);
  EXPECT_EQ(inodes(), before);
}

TEST_F(Unnamed, ItBelongsWhereANamedOneWould) {
  ASSERT_EQ(shell().mkdir("/team"), 0);
  engine::SetAttributes team;
  team.gid = 77;
  team.mode = 02775;
  ASSERT_TRUE(store->setattr({}, shell().inode("/team"), team).ok());
  const InodeId file = make(true, "/team");
  EXPECT_EQ(store->getattr(file)->gid, 77u);
  close(file);
  ASSERT_EQ(shell().put("/file", ""), 0);
  EXPECT_EQ(store->create_unnamed({}, shell().inode("/file"), 0600, true).code(), ENOTDIR);
  ASSERT_EQ(store->set_flags({}, shell().inode("/team"), FS_IMMUTABLE_FL).code(), 0);
  EXPECT_EQ(store->create_unnamed({}, shell().inode("/team"), 0600, true).code(), EPERM);
}

// --- by number ---

class ByNumber : public Unnamed {};

TEST_F(ByNumber, DotIsTheInodeItselfAndIsPinned) {
  ASSERT_EQ(shell().mkdir("/d"), 0);
  ASSERT_EQ(shell().put("/d/f", "text"), 0);
  ASSERT_EQ(shell().symlink("x", "/d/s"), 0);
  store.reopen();
  for (const std::string path : {"/d", "/d/f", "/d/s"}) {
    const InodeId inode = shell().inode(path);
    const auto found = store->lookup(inode, ".");
    ASSERT_TRUE(found.ok()) << path;
    EXPECT_EQ(describe(*found), describe(*shell().stat(path)));
    store->forget(inode, 1);
  }
  const InodeId file = shell().inode("/d/f");
  ASSERT_TRUE(store->lookup(file, ".").ok());
  ASSERT_EQ(shell().rm("/d/f"), 0);
  EXPECT_EQ(*read_whole(store.engine(), file), "text");
  store->forget(file, 1);
  EXPECT_EQ(store->getattr(file).code(), ENOENT);
}

TEST_F(ByNumber, DotDotIsTheParentOfADirectory) {
  ASSERT_EQ(shell().mkdir("/d"), 0);
  ASSERT_EQ(shell().mkdir("/d/e"), 0);
  const auto parent = store->lookup(shell().inode("/d/e"), "..");
  ASSERT_TRUE(parent.ok());
  EXPECT_EQ(parent->inode, shell().inode("/d"));
  store->forget(parent->inode, 1);
  const auto top = store->lookup(kRootInode, "..");
  ASSERT_TRUE(top.ok());
  EXPECT_EQ(top->inode, kRootInode);
  store->forget(kRootInode, 1);
  ASSERT_EQ(shell().put("/f", ""), 0);
  EXPECT_EQ(store->lookup(shell().inode("/f"), "..").code(), ENOTDIR);
}

TEST_F(ByNumber, WhatWasDeletedIsNotFoundAgain) {
  const InodeId unnamed = make(true);
  EXPECT_EQ(store->lookup(unnamed, ".").code(), ENOENT);
  close(unnamed);
  EXPECT_EQ(store->lookup(unnamed, ".").code(), ENOENT);
  EXPECT_EQ(store->lookup(InodeId(1'000'000), ".").code(), ENOENT);
}

}  // namespace
}  // namespace ciaos::test
