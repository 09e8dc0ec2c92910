// Immutable and append-only files and directories (P16).
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/stat.h>

#include <string>

#include "support/engine_fixture.h"

namespace ciaos::test {
namespace {

using engine::Caller;
using engine::Rename;
using engine::SetAttributes;

class Protection : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    ASSERT_EQ(shell().mkdir("/d"), 0);
    ASSERT_EQ(shell().put("/d/f", "text"), 0);
    ASSERT_EQ(shell().put("/other", "other"), 0);
  }
  int flag(std::string_view path, std::uint32_t flags, const Caller& caller = {}) {
    return store->set_flags(caller, shell().inode(path), flags).code();
  }
  int set(std::string_view path, const SetAttributes& attributes) {
    return store->setattr({}, shell().inode(path), attributes).code();
  }
  int open(std::string_view path, engine::Engine::OpenMode mode) {
    const InodeId inode = shell().inode(path);
    const auto opened = store->open({}, inode, mode);
    if (opened.ok()) store->release(inode);
    return opened.code();
  }
  // What neither an immutable nor an append-only file allows.
  void expect_unchangeable(const std::string& path) {
    const InodeId inode = shell().inode(path);
    EXPECT_EQ(shell().write_at(path, 0, "T"), EPERM);
    EXPECT_EQ(shell().truncate(path, 0), EPERM);
    EXPECT_EQ(shell().truncate(path, 100), EPERM);
    EXPECT_EQ(store->change_range(inode, {.offset = 0, .length = 1}).code(), EPERM);
    EXPECT_EQ(store->clone_range({.from = shell().inode("/other"), .to = inode, .length = 1}).code(), EPERM);
    EXPECT_EQ(shell().chmod(path, 0777), EPERM);
    EXPECT_EQ(set(path, {.uid = 5}), EPERM);
    EXPECT_EQ(set(path, {.modified = Timestamp{5, 5}}), EPERM);
    EXPECT_EQ(store->setxattr({}, inode, "user.a", "b", engine::XattrMode::any).code(), EPERM);
    EXPECT_EQ(store->removexattr(inode, "user.there").code(), EPERM);
    EXPECT_EQ(shell().ln(path, "/link"), EPERM);
    EXPECT_EQ(shell().mv(path, "/elsewhere"), EPERM);
    EXPECT_EQ(shell().mv("/other", path), EPERM);
    EXPECT_EQ(shell().mv("/other", path, Rename{.exchange = true}), EPERM);
    EXPECT_EQ(shell().rm(path), EPERM);
    EXPECT_EQ(open(path, {.write = true}), EPERM);
    EXPECT_EQ(open(path, {.truncate = true}), EPERM);
    EXPECT_EQ(open(path, {}), 0);
  }
};

TEST_F(Protection, AnImmutableFileStaysAsItIs) {
  ASSERT_EQ(store->setxattr({}, shell().inode("/d/f"), "user.there", "x", engine::XattrMode::any).code(), 0);
  ASSERT_EQ(flag("/d/f", FS_IMMUTABLE_FL), 0);
  store.reopen();
  EXPECT_EQ(shell().stat("/d/f")->flags, static_cast<std::uint32_t>(FS_IMMUTABLE_FL));
  const FileTree before = tree();
  expect_unchangeable("/d/f");
  EXPECT_EQ(shell().append("/d/f", "more"), EPERM);
  EXPECT_EQ(set("/d/f", {.modified_now = true}), EPERM);
  EXPECT_EQ(open("/d/f", {.write = true, .append = true}), EPERM);
  EXPECT_EQ(difference(before, tree()), "");
  ASSERT_EQ(flag("/d/f", 0), 0);
  EXPECT_EQ(shell().append("/d/f", "more"), 0);
  EXPECT_EQ(shell().rm("/d/f"), 0);
}

TEST_F(Protection, AnAppendOnlyFileGrowsAtItsEndAndNothingElse) {
  ASSERT_EQ(store->setxattr({}, shell().inode("/d/f"), "user.there", "x", engine::XattrMode::any).code(), 0);
  ASSERT_EQ(flag("/d/f", FS_APPEND_FL), 0);
  expect_unchangeable("/d/f");
  EXPECT_EQ(open("/d/f", {.write = true, .append = true}), 0);
  ASSERT_TRUE(store->write(shell().inode("/d/f"), 0, as_bytes(" and more"), {.append = true}).ok());
  EXPECT_EQ(set("/d/f", {.modified_now = true}), 0);
  EXPECT_EQ(shell().cat("/d/f"), "text and more");
}

TEST_F(Protection, AnImmutableDirectoryKeepsItsNames) {
  ASSERT_EQ(flag("/d", FS_IMMUTABLE_FL), 0);
  const FileTree before = tree();
  EXPECT_EQ(shell().put("/d/new", ""), EPERM);
  EXPECT_EQ(shell().mkdir("/d/new"), EPERM);
  EXPECT_EQ(shell().symlink("x", "/d/new"), EPERM);
  EXPECT_EQ(shell().ln("/other", "/d/new"), EPERM);
  EXPECT_EQ(shell().mv("/other", "/d/new"), EPERM);
  EXPECT_EQ(shell().mv("/d/f", "/new"), EPERM);
  EXPECT_EQ(shell().rm("/d/f"), EPERM);
  EXPECT_EQ(shell().chmod("/d", 0777), EPERM);
  EXPECT_EQ(difference(before, tree()), "");
  // The files in it are not meant.
  EXPECT_EQ(shell().append("/d/f", "more"), 0);
  ASSERT_EQ(flag("/d", 0), 0);
  EXPECT_EQ(shell().rm("/d/f"), 0);
}

TEST_F(Protection, AnAppendOnlyDirectoryTakesNamesAndGivesNoneAway) {
  ASSERT_EQ(flag("/d", FS_APPEND_FL), 0);
  EXPECT_EQ(shell().put("/d/new", ""), 0);
  EXPECT_EQ(shell().ln("/other", "/d/link"), 0);
  EXPECT_EQ(shell().mv("/other", "/d/moved"), 0);
  EXPECT_EQ(shell().mv("/d/moved", "/d/renamed"), EPERM);
  EXPECT_EQ(shell().mv("/d/new", "/d/f"), EPERM);
  EXPECT_EQ(shell().rm("/d/new"), EPERM);
}

TEST_F(Protection, OnlyRootProtectsAndOnlyKnownFlagsAreKept) {
  const Caller owner{.uid = 1000, .gid = 1000};
  EXPECT_EQ(flag("/d/f", FS_IMMUTABLE_FL, owner), EPERM);
  EXPECT_EQ(flag("/d/f", FS_NODUMP_FL, owner), 0);
  ASSERT_EQ(flag("/d/f", FS_NODUMP_FL | FS_APPEND_FL), 0);
  EXPECT_EQ(flag("/d/f", FS_APPEND_FL, owner), 0);
  EXPECT_EQ(flag("/d/f", 0, owner), EPERM);
  EXPECT_EQ(flag("/d/f", FS_COMPR_FL), EOPNOTSUPP);
  EXPECT_EQ(shell().stat("/d/f")->flags, static_cast<std::uint32_t>(FS_APPEND_FL));
  EXPECT_EQ(store->set_flags({}, InodeId(12'345), 0).code(), ENOENT);
}

TEST_F(Protection, FlagsChangeTheTimeOfChangeAndSurviveAKill) {
  store.clock->advance_ms(10);
  ASSERT_EQ(flag("/d/f", FS_IMMUTABLE_FL), 0);
  EXPECT_EQ(shell().stat("/d/f")->changed, store.clock->now());
  ASSERT_EQ(shell().fsync("/d/f"), 0);
  kill_and_open();
  EXPECT_EQ(shell().append("/d/f", "more"), EPERM);
}

}  // namespace
}  // namespace ciaos::test
