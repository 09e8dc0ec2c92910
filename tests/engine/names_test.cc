// Names: what may be called what, and the corners of link and rename.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

#include "support/engine_fixture.h"

namespace ciaos::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class NamesOf : public EngineTest {
 protected:
  static engine::Rename no_replace() { return {.no_replace = true}; }
  static engine::Rename exchange() { return {.exchange = true}; }
  static constexpr int kRaces = 5000;
  std::uint32_t links(std::string_view path) { return shell().stat(path)->links; }
};

TEST_F(NamesOf, ANameHas255BytesAndNotOneMore) {
  const std::string longest(255, 'n');
  const std::string longer(256, 'n');
  EXPECT_EQ(shell().put("/" + longest, "x"), 0);
  EXPECT_EQ(shell().put("/" + longer, "x"), ENAMETOOLONG);
  EXPECT_EQ(shell().mkdir("/" + longer), ENAMETOOLONG);
  EXPECT_EQ(shell().symlink("x", "/" + longer), ENAMETOOLONG);
  EXPECT_EQ(shell().ln("/" + longest, "/" + longer), ENAMETOOLONG);
  EXPECT_EQ(shell().mv("/" + longest, "/" + longer), ENAMETOOLONG);
  EXPECT_EQ(store->lookup(kRootInode, longer).code(), ENAMETOOLONG);
  EXPECT_EQ(shell().rm("/" + longer), ENAMETOOLONG);
  store.reopen();
  EXPECT_EQ(shell().cat("/" + longest), "x");
}

TEST_F(NamesOf, ANameIsAnyBytesButSlashAndNul) {
  const std::vector<std::string> names = {"\n", " ",         "\x01", "\xFF\xFE", "...", "-rf",
                                          "ü",  "u\xCC\x88", "A",    "a",        "\\"};
  for (const std::string& name : names) EXPECT_EQ(shell().put("/" + name, name), 0);
  store.reopen();
  EXPECT_THAT(shell().ls("/"), testing::UnorderedElementsAreArray(names));
  for (const std::string& name : names) EXPECT_EQ(shell().cat("/" + name), name);
  for (const std::string_view bad : {std::string_view(""), std::string_view("."), std::string_view(".."),
                                     std::string_view("a/b"), std::string_view("a\0b", 3)}) {
    EXPECT_EQ(store->mkdir({}, kRootInode, bad, 0755).code(), EINVAL);
    EXPECT_EQ(store->create({}, kRootInode, bad, 0644).code(), EINVAL);
  }
}

TEST_F(NamesOf, ATargetHasUpTo4095Bytes) {
  EXPECT_EQ(shell().symlink("", "/s"), ENOENT);
  EXPECT_EQ(shell().symlink(std::string(4096, 't'), "/s"), ENAMETOOLONG);
  EXPECT_EQ(shell().symlink(std::string(4095, 't'), "/s"), 0);
  store.reopen();
  EXPECT_EQ(*store->readlink(shell().inode("/s")), std::string(4095, 't'));
  EXPECT_EQ(shell().stat("/s")->size, 4095u);
  ASSERT_EQ(shell().put("/a", "x"), 0);
  EXPECT_EQ(store->readlink(shell().inode("/a")).code(), EINVAL);
}

TEST_F(NamesOf, WhatIsThereIsNotMadeAgain) {
  ASSERT_EQ(shell().put("/a", "x"), 0);
  EXPECT_EQ(store->create({}, kRootInode, "a", 0644).code(), EEXIST);
  EXPECT_EQ(shell().mkdir("/a"), EEXIST);
  EXPECT_EQ(shell().symlink("x", "/a"), EEXIST);
  EXPECT_EQ(shell().ln("/a", "/a"), EEXIST);
  EXPECT_EQ(shell().put("/a/b", "x"), ENOTDIR);
  EXPECT_EQ(shell().put("/nowhere/b", "x"), ENOENT);
}

TEST_F(NamesOf, UnlinkIsForFilesAndRmdirForEmptyDirectories) {
  ASSERT_EQ(shell().mkdir("/d"), 0);
  ASSERT_EQ(shell().put("/d/a", "x"), 0);
  EXPECT_EQ(shell().rm("/d"), EISDIR);
  EXPECT_EQ(shell().rmdir("/d/a"), ENOTDIR);
  EXPECT_EQ(shell().rmdir("/d"), ENOTEMPTY);
  EXPECT_EQ(shell().rm("/d/b"), ENOENT);
  EXPECT_EQ(shell().rm("/d/a"), 0);
  EXPECT_EQ(shell().rmdir("/d"), 0);
  EXPECT_EQ(shell().rmdir("/d"), ENOENT);
}

TEST_F(NamesOf, LinksAreCountedExactly) {
  EXPECT_EQ(links("/"), 2u);
  ASSERT_EQ(shell().mkdir("/d"), 0);
  ASSERT_EQ(shell().mkdir("/d/e"), 0);
  EXPECT_EQ(links("/"), 3u);
  EXPECT_EQ(links("/d"), 3u);
  EXPECT_EQ(links("/d/e"), 2u);
  ASSERT_EQ(shell().mv("/d/e", "/e"), 0);
  EXPECT_EQ(links("/"), 4u);
  EXPECT_EQ(links("/d"), 2u);
  ASSERT_EQ(shell().put("/a", "x"), 0);
  ASSERT_EQ(shell().ln("/a", "/e/b"), 0);
  EXPECT_EQ(links("/a"), 2u);
  EXPECT_EQ(shell().inode("/a"), shell().inode("/e/b"));
  EXPECT_EQ(shell().ln("/d", "/f"), EPERM);
  ASSERT_EQ(shell().rmdir("/d"), 0);
  EXPECT_EQ(links("/"), 3u);
}

// --- rename ---

TEST_F(NamesOf, ARenameReplacesFilesAndEmptyDirectories) {
  ASSERT_EQ(shell().put("/a", "a"), 0);
  ASSERT_EQ(shell().put("/b", "b"), 0);
  ASSERT_EQ(shell().mkdir("/d"), 0);
  ASSERT_EQ(shell().mkdir("/e"), 0);
  ASSERT_EQ(shell().put("/e/x", ""), 0);
  EXPECT_EQ(shell().mv("/a", "/b"), 0);
  EXPECT_EQ(shell().cat("/b"), "a");
  EXPECT_EQ(shell().mv("/b", "/d"), EISDIR);
  EXPECT_EQ(shell().mv("/d", "/b"), ENOTDIR);
  EXPECT_EQ(shell().mv("/d", "/e"), ENOTEMPTY);
  EXPECT_EQ(shell().mv("/e", "/d"), 0);
  EXPECT_THAT(shell().ls("/"), ElementsAre("b", "d"));
  EXPECT_THAT(shell().ls("/d"), ElementsAre("x"));
  EXPECT_EQ(shell().mv("/nothing", "/b"), ENOENT);
}

TEST_F(NamesOf, ADirectoryIsNotMovedIntoItself) {
  ASSERT_EQ(shell().mkdir("/d"), 0);
  ASSERT_EQ(shell().mkdir("/d/e"), 0);
  ASSERT_EQ(shell().mkdir("/d/e/f"), 0);
  EXPECT_EQ(shell().mv("/d", "/d/x"), EINVAL);
  EXPECT_EQ(shell().mv("/d", "/d/e/f/x"), EINVAL);
  EXPECT_EQ(shell().mv("/d/e/f", "/d"), ENOTEMPTY);
  EXPECT_EQ(shell().mv("/d", "/d/e/f", exchange()), EINVAL);
  EXPECT_EQ(shell().mv("/d/e/f", "/d", exchange()), EINVAL);
  EXPECT_EQ(shell().mv("/d", "/d"), 0);
}

TEST_F(NamesOf, ARenameOfANameOntoAnotherOfTheSameFileDoesNothing) {
  ASSERT_EQ(shell().put("/a", "x"), 0);
  ASSERT_EQ(shell().ln("/a", "/b"), 0);
  const std::string before = describe(*shell().stat("/a"));
  store.clock->advance_ms(1000);
  EXPECT_EQ(shell().mv("/a", "/b"), 0);
  EXPECT_EQ(shell().mv("/a", "/a"), 0);
  EXPECT_THAT(shell().ls("/"), ElementsAre("a", "b"));
  EXPECT_EQ(describe(*shell().stat("/a")), before);
}

TEST_F(NamesOf, NoReplaceReplacesNothing) {
  ASSERT_EQ(shell().put("/a", "a"), 0);
  ASSERT_EQ(shell().put("/b", "b"), 0);
  EXPECT_EQ(shell().mv("/a", "/b", no_replace()), EEXIST);
  EXPECT_EQ(shell().mv("/a", "/a", no_replace()), EEXIST);
  EXPECT_EQ(shell().mv("/a", "/c", no_replace()), 0);
  EXPECT_EQ(shell().cat("/b"), "b");
  EXPECT_EQ(shell().cat("/c"), "a");
  EXPECT_EQ(shell().mv("/b", "/c", {.no_replace = true, .exchange = true}), EINVAL);
}

TEST_F(NamesOf, AWhiteoutTakesThePlaceOfWhatWasMoved) {
  const engine::Rename whiteout{.whiteout = true, .caller = {.uid = 7, .gid = 8}};
  ASSERT_EQ(shell().mkdir("/d"), 0);
  ASSERT_EQ(shell().put("/a", "a"), 0);
  ASSERT_EQ(shell().put("/b", "b"), 0);
  EXPECT_EQ(shell().mv("/a", "/b", {.no_replace = true, .whiteout = true}), EEXIST);
  EXPECT_EQ(shell().mv("/a", "/b", {.exchange = true, .whiteout = true}), EINVAL);
  EXPECT_EQ(shell().mv("/a", "/b", whiteout), 0);
  EXPECT_EQ(shell().mv("/b", "/c", whiteout), 0);
  EXPECT_EQ(shell().mv("/d", "/e", whiteout), 0);
  EXPECT_EQ(shell().cat("/c"), "a");
  EXPECT_EQ(links("/"), 3u);
  for (const char* left : {"/a", "/b", "/d"}) {
    const auto about = shell().stat(left);
    EXPECT_EQ(about->mode, static_cast<std::uint32_t>(S_IFCHR)) << left;
    EXPECT_EQ(about->device, 0u) << left;
    EXPECT_EQ(about->uid, 7u) << left;
  }
  EXPECT_EQ(shell().ls("/").size(), 5u);
  const FileTree before = tree();
  store.reopen();
  EXPECT_EQ(tree(), before);
}

TEST_F(NamesOf, ExchangeSwapsAndLosesNothing) {
  ASSERT_EQ(shell().mkdir("/d"), 0);
  ASSERT_EQ(shell().mkdir("/d/sub"), 0);
  ASSERT_EQ(shell().put("/d/sub/x", "deep"), 0);
  ASSERT_EQ(shell().put("/a", "a"), 0);
  EXPECT_EQ(shell().mv("/a", "/nothing", exchange()), ENOENT);
  EXPECT_EQ(shell().mv("/a", "/d/sub", exchange()), 0);
  EXPECT_EQ(shell().cat("/d/sub"), "a");
  EXPECT_EQ(shell().cat("/a/x"), "deep");
  EXPECT_EQ(*store->parent_of(shell().inode("/a")), kRootInode);
  EXPECT_EQ(links("/"), 4u);
  EXPECT_EQ(links("/d"), 2u);
  const FileTree before = tree();
  store.reopen();
  EXPECT_EQ(tree(), before);
}

TEST_F(NamesOf, WhatWasReplacedIsFreed) {
  ASSERT_EQ(shell().put("/a", "a"), 0);
  ASSERT_EQ(shell().put("/b", "b"), 0);
  const InodeId replaced = shell().inode("/b");
  ASSERT_EQ(shell().mv("/a", "/b"), 0);
  EXPECT_EQ(store->getattr(replaced).code(), ENOENT);
  EXPECT_EQ(store->statfs().inodes, 2u);
}

// Whoever looks a name up and then its inode meets what another thread has replaced in between.
TEST_F(NamesOf, ARenameDoesNotMissWhatAnotherThreadRemovesBehindItsNewName) {
  std::atomic<bool> done{false};
  std::thread remover([&] {
    while (!done) (void)shell().rm("/b");
  });
  int failures = 0;
  for (int i = 0; i < kRaces; ++i) {
    if (shell().put("/a", "") != 0 || shell().mv("/a", "/b") != 0) ++failures;
  }
  done = true;
  remover.join();
  EXPECT_EQ(failures, 0);
}
TEST_F(NamesOf, AnUnlinkDoesNotMissANameThatAnotherThreadReplaces) {
  std::atomic<bool> done{false};
  std::thread replacer([&] {
    while (!done) {
      (void)shell().put("/a", "");
      (void)shell().mv("/a", "/b");
    }
  });
  int failures = 0;
  for (int i = 0; i < kRaces; ++i) {
    (void)shell().put("/b", "");
    if (shell().rm("/b") != 0) ++failures;
  }
  done = true;
  replacer.join();
  EXPECT_EQ(failures, 0);
}

TEST_F(NamesOf, ALookupOfWhatWasRemovedFindsNothing) {
  ASSERT_EQ(shell().mkdir("/d"), 0);
  EXPECT_FALSE(shell().exists("/d/a"));
  ASSERT_EQ(shell().put("/d/a", "x"), 0);
  EXPECT_TRUE(shell().exists("/d/a"));
  ASSERT_EQ(shell().mv("/d/a", "/a"), 0);
  EXPECT_FALSE(shell().exists("/d/a"));
  ASSERT_EQ(shell().mv("/d", "/e"), 0);
  EXPECT_FALSE(shell().exists("/d"));
  EXPECT_THAT(shell().ls("/e"), IsEmpty());
}

}  // namespace
}  // namespace ciaos::test
