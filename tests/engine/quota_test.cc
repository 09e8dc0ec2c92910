// Limits of directory trees (Q1 to Q8): where they hold, and that what is counted is what is there.
#include <sys/stat.h>

#include "engine/objects.h"
#include "support/engine_fixture.h"
#include "support/object_shell.h"
#include "support/random.h"

namespace ciaos::test {
namespace {

using engine::RangeChange;
using engine::RangeKind;
using engine::XattrMode;

constexpr std::uint64_t kKiB = 1024;

class Quotas : public EngineTest {
 protected:
  explicit Quotas(const StoreShape& shape = {}) : EngineTest(shape) {}
  void SetUp() override {
    EngineTest::SetUp();
    ASSERT_EQ(shell().mkdir("/t"), 0);
  }

  int limit(std::string_view path, const std::string& what, std::string_view value,
            XattrMode mode = XattrMode::any) {
    return store->setxattr({}, shell().inode(path), "trusted.ciaos.quota." + what, value, mode).code();
  }
  int unlimit(std::string_view path, const std::string& what) {
    return store->removexattr(shell().inode(path), "trusted.ciaos.quota." + what).code();
  }
  // The value; or the errno, in brackets.
  std::string get(std::string_view path, const std::string& name) {
    const auto value = store->getxattr(shell().inode(path), "trusted.ciaos." + name);
    return value.ok() ? *value : "(" + std::to_string(value.code()) + ")";
  }
  struct Used {
    std::uint64_t bytes = 0;
    std::uint64_t files = 0;
    bool operator==(const Used&) const = default;
    friend std::ostream& operator<<(std::ostream& out, const Used& used) {
      return out << used.bytes << " bytes, " << used.files << " files";
    }
  };
  Used used(std::string_view path) {
    return {std::stoull(get(path, "usage.bytes")), std::stoull(get(path, "usage.files"))};
  }
  // As du(1) counts. No file of these tests has two names in a tree.
  Used walked(const std::string& path) {
    const auto attributes = shell().stat(path);
    Used sum{attributes->blocks512 * 512, 1};
    if (!S_ISDIR(attributes->mode)) return sum;
    for (const std::string& name : shell().ls(path)) {
      const Used below = walked(path + "/" + name);
      sum.bytes += below.bytes;
      sum.files += below.files;
    }
    return sum;
  }
  int reserve(std::string_view path, std::uint64_t offset, std::uint64_t length) {
    return store
        ->change_range(shell().inode(path), {.kind = RangeKind::reserve, .offset = offset, .length = length})
        .code();
  }
  int clone(std::string_view from, std::string_view to, std::uint64_t to_offset, std::uint64_t length) {
    return store
        ->clone_range(
            {.from = shell().inode(from), .to = shell().inode(to), .to_offset = to_offset, .length = length})
        .code();
  }
  std::string error(int code) { return "(" + std::to_string(code) + ")"; }
};

// --- setting (Q1) ---

TEST_F(Quotas, AreSetAsDecimalNumbersOnEmptyDirectories) {
  EXPECT_EQ(get("/t", "quota.bytes"), error(ENODATA));
  EXPECT_EQ(get("/t", "usage.bytes"), error(ENODATA));
  ASSERT_EQ(limit("/t", "bytes", "10M"), 0);
  ASSERT_EQ(limit("/t", "files", "100"), 0);
  EXPECT_EQ(get("/t", "quota.bytes"), "10485760");
  EXPECT_EQ(get("/t", "quota.files"), "100");
  EXPECT_EQ(used("/t"), (Used{0, 1})) << "the directory itself is one of its files";
  EXPECT_EQ(limit("/t", "bytes", "2g"), 0);
  EXPECT_EQ(get("/t", "quota.bytes"), std::to_string(2ull << 30));
  for (const char* wrong : {"", "M", "-1", "1.5G", "10P", "1 ", "9223372036854775808", "8388608T"})
    EXPECT_EQ(limit("/t", "bytes", wrong), EINVAL) << wrong;
  EXPECT_EQ(limit("/t", "files", "1K"), EINVAL);
  EXPECT_EQ(limit("/t", "inodes", "1"), EINVAL);
  ASSERT_EQ(shell().put("/t/f", "in it"), 0);
  EXPECT_EQ(limit("/t", "bytes", "1M"), 0) << "a root may hold something";
  EXPECT_EQ(limit("/t/f", "bytes", "1M"), ENOTDIR);
}

TEST_F(Quotas, AreRefusedWhereNothingWasCountedAndBelowOthers) {
  ASSERT_EQ(shell().mkdir("/full"), 0);
  ASSERT_EQ(shell().put("/full/f", "x"), 0);
  EXPECT_EQ(limit("/full", "bytes", "1M"), ENOTEMPTY);
  EXPECT_EQ(limit("/", "bytes", "1M"), ENOTEMPTY);
  ASSERT_EQ(limit("/t", "bytes", "1M"), 0);
  ASSERT_EQ(shell().mkdir("/t/below"), 0);
  EXPECT_EQ(limit("/t/below", "bytes", "1M"), EINVAL);
  EXPECT_EQ(get("/t/below", "usage.bytes"), error(ENODATA));
  EXPECT_EQ(store->setxattr({}, shell().inode("/t"), "trusted.ciaos.usage.bytes", "0", XattrMode::any).code(),
            EPERM);
  EXPECT_EQ(store->removexattr(shell().inode("/t"), "trusted.ciaos.usage.files").code(), EPERM);
}

TEST_F(Quotas, AreTakenAwayAndComeAgain) {
  EXPECT_EQ(unlimit("/t", "bytes"), ENODATA);
  EXPECT_EQ(limit("/t", "bytes", "0"), 0);
  EXPECT_EQ(get("/t", "usage.files"), error(ENODATA));
  EXPECT_EQ(limit("/t", "bytes", "1M", XattrMode::replace), ENODATA);
  EXPECT_EQ(limit("/t", "bytes", "1M", XattrMode::create), 0);
  EXPECT_EQ(limit("/t", "bytes", "1M", XattrMode::create), EEXIST);
  ASSERT_EQ(shell().put("/t/f", pattern(3000)), 0);
  EXPECT_EQ(unlimit("/t", "bytes"), 0);
  EXPECT_EQ(get("/t", "quota.bytes"), error(ENODATA));
  EXPECT_EQ(used("/t"), (Used{3072, 2})) << "what is in it goes on being counted";
  EXPECT_EQ(shell().put("/t/large", pattern(2'000'000)), 0);
  ASSERT_EQ(limit("/t", "bytes", "1M"), 0) << "less than there is";
  EXPECT_EQ(shell().put("/t/more", "x"), EDQUOT);
  ASSERT_EQ(shell().rm("/t/large"), 0);
  EXPECT_EQ(shell().put("/t/more", "x"), 0);
  for (const char* name : {"/t/f", "/t/more"}) ASSERT_EQ(shell().rm(name), 0);
  EXPECT_EQ(limit("/t", "bytes", "0"), 0);
  EXPECT_EQ(get("/t", "usage.bytes"), error(ENODATA)) << "an empty directory is one like others again";
  store.reopen();
  EXPECT_EQ(get("/t", "usage.bytes"), error(ENODATA));
  ASSERT_EQ(shell().put("/t/f", "x"), 0);
  EXPECT_EQ(limit("/t", "bytes", "1M"), ENOTEMPTY);
}

TEST_F(Quotas, AreNotListedSoThatNobodyCopiesThem) {
  ASSERT_EQ(limit("/t", "bytes", "1M"), 0);
  ASSERT_EQ(store->setxattr({}, shell().inode("/t"), "user.a", "b", XattrMode::any).code(), 0);
  EXPECT_EQ(*store->listxattr({}, shell().inode("/t")), std::vector<std::string>{"user.a"});
}

// --- holding (Q2) ---

TEST_F(Quotas, AWriteBeyondTheLimitChangesNothing) {
  ASSERT_EQ(limit("/t", "bytes", "100K"), 0);
  ASSERT_EQ(shell().put("/t/f", pattern(60'000)), 0);
  EXPECT_EQ(shell().append("/t/f", pattern(60'000)), EDQUOT);
  EXPECT_EQ(shell().stat("/t/f")->size, 60'000u);
  ASSERT_EQ(shell().put("/t/g", ""), 0);
  EXPECT_EQ(shell().append("/t/g", pattern(60'000)), EDQUOT) << "one limit for all of them";
  EXPECT_EQ(shell().append("/t/g", pattern(40 * kKiB)), 0);
  EXPECT_EQ(used("/t"), walked("/t"));
  ASSERT_EQ(store->commit().code(), 0) << "and what was promised finds room";
  EXPECT_EQ(used("/t"), walked("/t"));
  EXPECT_EQ(shell().put("/outside", pattern(300'000)), 0);
  EXPECT_EQ(shell().cat("/t/f"), pattern(60'000));
}

TEST_F(Quotas, OverwritingTakesNoMoreOfAFullTree) {
  ASSERT_EQ(limit("/t", "bytes", "100K"), 0);
  ASSERT_EQ(shell().put("/t/f", pattern(100 * kKiB)), 0);
  EXPECT_EQ(shell().append("/t/f", "x"), EDQUOT);
  for (const bool stored : {false, true}) {
    ASSERT_EQ(shell().write_at("/t/f", 5000, pattern(50'000, 'c')), 0) << stored;
    ASSERT_EQ(store->commit().code(), 0);
    EXPECT_EQ(used("/t"), (Used{100 * kKiB, 2}));
  }
  // With a hole in it the file may grow, and yet only where the hole is.
  ASSERT_EQ(shell().truncate("/t/f", 1'000'000), 0);
  ASSERT_EQ(store->change_range(shell().inode("/t/f"), {.offset = 0, .length = 4 * kKiB}).code(), 0);
  EXPECT_EQ(shell().write_at("/t/f", 2 * kKiB, pattern(4 * kKiB)), 0) << "half of it in the hole";
  EXPECT_EQ(shell().write_at("/t/f", 50'000, pattern(20'000)), 0);
  EXPECT_EQ(shell().write_at("/t/f", 500'000, pattern(4 * kKiB)), EDQUOT);
  EXPECT_EQ(shell().write_at("/t/f", 500'000, pattern(2 * kKiB)), 0);
  EXPECT_EQ(shell().write_at("/t/f", 800'000, "x"), EDQUOT);
  EXPECT_EQ(used("/t"), (Used{100 * kKiB, 2}));
  EXPECT_EQ(used("/t"), walked("/t"));
}

TEST_F(Quotas, EveryNewFileOfWhateverKindIsOne) {
  ASSERT_EQ(limit("/t", "files", "5"), 0);
  ASSERT_EQ(shell().mkdir("/t/d"), 0);
  ASSERT_EQ(shell().put("/t/d/f", ""), 0);
  ASSERT_EQ(shell().symlink("f", "/t/d/s"), 0);
  const auto unnamed = store->create_unnamed({}, shell().inode("/t/d"), 0600, true);
  ASSERT_TRUE(unnamed.ok());
  EXPECT_EQ(used("/t"), (Used{0, 5}));
  EXPECT_EQ(shell().mkdir("/t/d2"), EDQUOT);
  EXPECT_EQ(shell().put("/t/g", ""), EDQUOT);
  EXPECT_EQ(shell().symlink("f", "/t/s"), EDQUOT);
  EXPECT_EQ(store->mknod({}, shell().inode("/t"), "p", S_IFIFO | 0600, 0).code(), EDQUOT);
  EXPECT_EQ(store->create_unnamed({}, shell().inode("/t"), 0600, true).code(), EDQUOT);
  EXPECT_EQ(shell().ln("/t/d/f", "/t/hard"), 0) << "a name is no file";
  EXPECT_EQ(shell().mv("/t/d/f", "/t/d/g"), 0);
  ASSERT_EQ(shell().rm("/t/d/s"), 0);
  EXPECT_EQ(shell().put("/t/h", ""), 0);
  EXPECT_EQ(shell().put("/t/i", ""), EDQUOT);
  store->release(unnamed->inode);
  store->forget(unnamed->inode, 1);
  EXPECT_EQ(shell().put("/t/i", ""), 0);
}

TEST_F(Quotas, WhatIsReservedCountsAndIsRefusedWhole) {
  ASSERT_EQ(limit("/t", "bytes", "1M"), 0);
  ASSERT_EQ(shell().put("/t/f", ""), 0);
  EXPECT_EQ(reserve("/t/f", 0, 1'100'000), EDQUOT);
  EXPECT_EQ(used("/t"), (Used{0, 2}));
  EXPECT_EQ(shell().stat("/t/f")->size, 0u);
  ASSERT_EQ(reserve("/t/f", 0, 1024 * kKiB), 0);
  EXPECT_EQ(used("/t"), (Used{1024 * kKiB, 2}));
  EXPECT_EQ(shell().write_at("/t/f", 300'000, pattern(700'000)), 0);
  ASSERT_EQ(store->commit().code(), 0);
  EXPECT_EQ(used("/t"), (Used{1024 * kKiB, 2}));
  EXPECT_EQ(shell().put("/t/g", "x"), EDQUOT);
  ASSERT_EQ(store->change_range(shell().inode("/t/f"), {.offset = 0, .length = 512}).code(), 0);
  EXPECT_EQ(shell().put("/t/g", "x"), 0);
  EXPECT_EQ(used("/t"), walked("/t"));
}

TEST_F(Quotas, ACopyByReferenceIsChargedItsLength) {
  ASSERT_EQ(shell().put("/from", pattern(90'000)), 0);
  ASSERT_EQ(limit("/t", "bytes", "200K"), 0);
  ASSERT_EQ(shell().put("/t/a", ""), 0);
  ASSERT_EQ(shell().put("/t/b", ""), 0);
  ASSERT_EQ(clone("/from", "/t/a", 0, 90'000), 0);
  ASSERT_EQ(clone("/t/a", "/t/b", 0, 90'000), 0);
  EXPECT_EQ(used("/t"), (Used{2 * 90'112, 3}));
  EXPECT_EQ(clone("/from", "/t/b", 90'000, 90'000), EDQUOT);
  EXPECT_EQ(shell().stat("/t/b")->size, 90'000u);
  EXPECT_EQ(clone("/from", "/t/b", 0, 90'000), 0) << "over what is there";
  EXPECT_EQ(used("/t"), walked("/t"));
}

TEST_F(Quotas, TruncatingAndRemovingAlwaysWork) {
  ASSERT_EQ(limit("/t", "bytes", "100K"), 0);
  ASSERT_EQ(limit("/t", "files", "2"), 0);
  ASSERT_EQ(shell().put("/t/f", pattern(100 * kKiB)), 0);
  ASSERT_EQ(limit("/t", "bytes", "1K"), 0);
  EXPECT_EQ(shell().truncate("/t/f", 10'000'000), 0) << "a longer hole stores nothing";
  EXPECT_EQ(shell().truncate("/t/f", 600), 0);
  EXPECT_EQ(used("/t"), (Used{1024, 2}));
  EXPECT_EQ(shell().rm("/t/f"), 0);
  EXPECT_EQ(used("/t"), (Used{0, 1}));
  EXPECT_EQ(shell().rmdir("/t"), 0);
}

TEST_F(Quotas, AFileThatIsOpenIsChargedUntilItIsClosed) {
  ASSERT_EQ(limit("/t", "bytes", "100K"), 0);
  ASSERT_EQ(shell().put("/t/f", pattern(90'000)), 0);
  const auto open = store->lookup(shell().inode("/t"), "f");
  ASSERT_TRUE(open.ok());
  ASSERT_EQ(shell().rm("/t/f"), 0);
  EXPECT_EQ(used("/t"), (Used{90'112, 2}));
  EXPECT_EQ(shell().put("/t/g", pattern(20'000)), EDQUOT);
  store->forget(open->inode, 1);
  EXPECT_EQ(used("/t"), (Used{0, 2})) << "the directory and /t/g, which was made";
  EXPECT_EQ(shell().append("/t/g", pattern(20'000)), 0);
}

// --- borders (Q3) ---

TEST_F(Quotas, NoNameLeadsOverABorder) {
  ASSERT_EQ(shell().mkdir("/u"), 0);
  for (const char* tree : {"/t", "/u"}) ASSERT_EQ(limit(tree, "bytes", "1M"), 0);
  ASSERT_EQ(shell().put("/t/f", "t"), 0);
  ASSERT_EQ(shell().put("/u/f", "u"), 0);
  ASSERT_EQ(shell().put("/f", "none"), 0);
  ASSERT_EQ(shell().mkdir("/t/d"), 0);
  ASSERT_EQ(shell().mkdir("/d"), 0);
  const engine::Rename exchange{.parent = {}, .name = {}, .new_parent = {}, .new_name = {}, .exchange = true};
  EXPECT_EQ(shell().mv("/t/f", "/u/g"), EXDEV);
  EXPECT_EQ(shell().mv("/t/f", "/u/f"), EXDEV);
  EXPECT_EQ(shell().mv("/t/f", "/g"), EXDEV);
  EXPECT_EQ(shell().mv("/f", "/t/g"), EXDEV);
  EXPECT_EQ(shell().mv("/t/d", "/u/d"), EXDEV);
  EXPECT_EQ(shell().mv("/d", "/t/e"), EXDEV);
  EXPECT_EQ(shell().mv("/u", "/t/u"), EXDEV);
  EXPECT_EQ(shell().mv("/t/f", "/u/f", exchange), EXDEV);
  EXPECT_EQ(shell().mv("/f", "/t/f", exchange), EXDEV);
  EXPECT_EQ(shell().ln("/t/f", "/u/g"), EXDEV);
  EXPECT_EQ(shell().ln("/t/f", "/g"), EXDEV);
  EXPECT_EQ(shell().ln("/f", "/t/g"), EXDEV);
  EXPECT_EQ(shell().mv("/t/f", "/t/d/f"), 0);
  EXPECT_EQ(shell().ln("/t/d/f", "/t/f"), 0);
  EXPECT_EQ(shell().mv("/u", "/d/u"), 0) << "a root moves with its tree";
  EXPECT_EQ(shell().put("/d/u/h", pattern(1000)), 0);
  EXPECT_EQ(used("/d/u"), (Used{512 + 1024, 3}));
  EXPECT_EQ(shell().mv("/d", "/e"), 0) << "and with what it lies in";
}

TEST_F(Quotas, AFileWithoutANameGetsOneOnlyInItsTree) {
  ASSERT_EQ(limit("/t", "files", "10"), 0);
  const auto unnamed = store->create_unnamed({}, shell().inode("/t"), 0600, true);
  ASSERT_TRUE(unnamed.ok());
  EXPECT_EQ(store->link(unnamed->inode, kRootInode, "f").code(), EXDEV);
  EXPECT_TRUE(store->link(unnamed->inode, shell().inode("/t"), "f").ok());
  const auto outside = store->create_unnamed({}, kRootInode, 0600, true);
  ASSERT_TRUE(outside.ok());
  EXPECT_EQ(store->link(outside->inode, shell().inode("/t"), "g").code(), EXDEV);
}

// --- exact (Q4) ---

TEST_F(Quotas, WhatIsCountedIsWhatIsThereAfterACrashASnapshotAndALostIndex) {
  ASSERT_EQ(limit("/t", "bytes", "8M"), 0);
  Random random(3);
  const auto change = [&](int round) {
    const std::string d = "/t/d" + std::to_string(round);
    ASSERT_EQ(shell().mkdir(d), 0);
    for (int i = 0; i < 30; ++i)
      ASSERT_EQ(shell().put(d + "/" + std::to_string(i), random.bytes(random.below(9000))), 0);
    ASSERT_EQ(shell().put(d + "/large", random.bytes(700'000)), 0);
    ASSERT_EQ(clone(d + "/large", d + "/1", 12'345, 100'000), 0);
    ASSERT_EQ(reserve(d + "/2", 50'000, 50'000), 0);
    for (int i = 10; i < 20; ++i) ASSERT_EQ(shell().rm(d + "/" + std::to_string(i)), 0);
    ASSERT_EQ(shell().truncate(d + "/large", 123'456), 0);
    ASSERT_EQ(shell().write_at(d + "/large", 100'000, random.bytes(50'000)), 0);
    EXPECT_EQ(used("/t"), walked("/t"));
  };
  ASSERT_NO_FATAL_FAILURE(change(0));
  ASSERT_EQ(shell().fsync("/t/d0/large"), 0);
  EXPECT_EQ(used("/t"), walked("/t"));
  ASSERT_NO_FATAL_FAILURE(change(1));
  kill_and_open();
  EXPECT_TRUE(shell().exists("/t/d0/large"));
  EXPECT_EQ(used("/t"), walked("/t"));
  ASSERT_NO_FATAL_FAILURE(change(2));
  ASSERT_EQ(store->snapshot().code(), 0);
  ASSERT_NO_FATAL_FAILURE(change(3));
  const Used before = used("/t");
  ASSERT_EQ(store.close().code(), 0);
  store.put_index({});
  store.open();
  EXPECT_EQ(used("/t"), before);
  EXPECT_EQ(used("/t"), walked("/t"));
  while (*store->compact(/*pressed=*/true)) {
  }
  EXPECT_EQ(used("/t"), walked("/t"));
  EXPECT_EQ(get("/t", "quota.bytes"), std::to_string(8u << 20));
}

TEST_F(Quotas, WhatACrashFreesIsNotChargedAnyMore) {
  ASSERT_EQ(limit("/t", "bytes", "1M"), 0);
  ASSERT_EQ(shell().put("/t/f", pattern(90'000)), 0);
  ASSERT_TRUE(store->lookup(shell().inode("/t"), "f").ok());
  ASSERT_TRUE(store->create_unnamed({}, shell().inode("/t"), 0600, true).ok());
  ASSERT_EQ(shell().rm("/t/f"), 0);
  ASSERT_EQ(store->commit().code(), 0);
  EXPECT_EQ(used("/t"), (Used{90'112, 3}));
  kill_and_open();
  EXPECT_EQ(used("/t"), (Used{0, 1}));
}

TEST_F(Quotas, ATreeThatIsRemovedLeavesNothing) {
  ASSERT_EQ(limit("/t", "bytes", "1M"), 0);
  const auto unnamed = store->create_unnamed({}, shell().inode("/t"), 0600, true);
  ASSERT_TRUE(unnamed.ok());
  ASSERT_EQ(shell().rmdir("/t"), 0);
  EXPECT_TRUE(store->write(unnamed->inode, 0, as_bytes(pattern(2'000'000)), {}).ok())
      << "what outlives its tree is limited by nobody";
  store.reopen();
  EXPECT_EQ(store->statfs().inodes, 1u);
  ASSERT_EQ(shell().mkdir("/t"), 0);
  EXPECT_EQ(get("/t", "usage.bytes"), error(ENODATA));
}

// --- df (Q5) ---

TEST_F(Quotas, StatfsShowsTheLimitsOfATree) {
  const auto whole = store->statfs();
  ASSERT_EQ(limit("/t", "bytes", "1M"), 0);
  ASSERT_EQ(limit("/t", "files", "10"), 0);
  ASSERT_EQ(shell().mkdir("/t/d"), 0);
  ASSERT_EQ(shell().put("/t/d/f", pattern(4096)), 0);
  for (const char* path : {"/t", "/t/d", "/t/d/f"}) {
    const auto shown = store->statfs(shell().inode(path));
    EXPECT_EQ(shown.bytes_total, 1024 * kKiB) << path;
    EXPECT_EQ(shown.bytes_free, 1020 * kKiB) << path;
    EXPECT_EQ(shown.inodes, 3u) << path;
    EXPECT_EQ(shown.inodes_free, 7u) << path;
  }
  EXPECT_EQ(store->statfs().bytes_total, whole.bytes_total);
  ASSERT_EQ(limit("/t", "bytes", "1T"), 0);
  EXPECT_EQ(store->statfs(shell().inode("/t")).bytes_total, whole.bytes_total) << "no more than there is";
  ASSERT_EQ(limit("/t", "bytes", "1K"), 0);
  EXPECT_EQ(store->statfs(shell().inode("/t")).bytes_free, 0u);
}

// --- objects (Q6) ---

TEST_F(Quotas, ObjectsAreChargedToTheTreeInWhichTheyAppear) {
  ASSERT_EQ(limit("/t", "bytes", "100K"), 0);
  ASSERT_EQ(limit("/t", "files", "5"), 0);
  ObjectShell keys(store.engine());
  ASSERT_EQ(keys.put("t/dir/key", pattern(60'000)), 0);
  EXPECT_EQ(used("/t"), walked("/t"));
  EXPECT_EQ(used("/t").files, 3u);
  EXPECT_EQ(keys.put("t/other", pattern(60'000)), EDQUOT);
  EXPECT_EQ(keys.append("t/dir/key", {pattern(60'000)}), EDQUOT);
  EXPECT_EQ(keys.get("t/dir/key"), pattern(60'000));
  EXPECT_EQ(keys.append("t/dir/key", {pattern(1000)}), 0);
  EXPECT_EQ(keys.put("t/a/b/c", "x"), EDQUOT) << "three files more";
  EXPECT_FALSE(shell().exists("/t/a")) << "a directory that was made on the way goes again";
  EXPECT_EQ(used("/t"), walked("/t"));
  ASSERT_EQ(shell().mkdir("/bucket"), 0);
  EXPECT_EQ(keys.mv("t/dir/key", "bucket/key"), EXDEV);
  EXPECT_EQ(keys.put("bucket/key", pattern(300'000)), 0);
  kill_and_open();
  EXPECT_EQ(used("/t"), walked("/t"));
  ASSERT_EQ(ObjectShell(store.engine()).rm("t/dir/key"), 0);
  EXPECT_EQ(used("/t"), (Used{0, 1}));
}

// A tree may be the whole store, if it is one from the first file on.
TEST(QuotaOfTheRoot, CountsEverything) {
  TestStore store;
  store.open();
  ASSERT_TRUE(store->setxattr({}, kRootInode, "trusted.ciaos.quota.files", "3", XattrMode::any).ok());
  Shell shell(store.engine());
  ASSERT_EQ(shell.put("/a", "x"), 0);
  ASSERT_EQ(shell.mkdir("/b"), 0);
  EXPECT_EQ(shell.put("/b/c", "x"), EDQUOT);
  EXPECT_EQ(store->statfs().inodes_free, 0u);
}

}  // namespace
}  // namespace ciaos::test
