// Opening a store again: with its index, with another one, with none, from a snapshot, and for reading only.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/crash_device.h"
#include "support/engine_fixture.h"
#include "support/random.h"

namespace ciaos::test {
namespace {

class Recovery : public EngineTest {
 protected:
  // A few directories and files in a few batches.
  void make_tree(int first, int last) {
    for (int i = first; i < last; ++i) {
      const std::string directory = "/d" + std::to_string(i % 3);
      if (!shell().exists(directory)) {
        ASSERT_EQ(shell().mkdir(directory), 0);
      }
      const std::string path = directory + "/" + std::to_string(i);
      ASSERT_EQ(shell().put(path, pattern(100 + 997 * i % 9000)), 0);
      ASSERT_EQ(store->setxattr({}, shell().inode(path), "user.i", path, engine::XattrMode::any).code(), 0);
      if (i % 4 == 3) {
        ASSERT_EQ(shell().rm(path), 0);
      }
      if (i % 5 == 0) {
        ASSERT_EQ(store->commit().code(), 0);
      }
    }
    ASSERT_EQ(store->commit().code(), 0);
  }
  void open_with_index(const IndexCopy& index) {
    store.kill();
    store.put_index(index);
    store.open();
  }
};

// --- the index ---

TEST_F(Recovery, AMissingIndexIsRebuiltFromTheVolumes) {
  make_tree(0, 40);
  const FileTree before = tree();
  open_with_index({});
  EXPECT_TRUE(store->statistics().index_rebuilt);
  EXPECT_EQ(difference(before, tree()), "");
  make_tree(40, 60);
  const FileTree later = tree();
  store.reopen();
  EXPECT_FALSE(store->statistics().index_rebuilt);
  EXPECT_EQ(difference(later, tree()), "");
}

TEST_F(Recovery, AnIndexThatIsBehindCatchesUp) {
  make_tree(0, 10);
  const IndexCopy older = store.copy_index();
  make_tree(10, 40);
  const FileTree before = tree();
  open_with_index(older);
  EXPECT_FALSE(store->statistics().index_rebuilt);
  EXPECT_GT(store->statistics().batches_replayed, 0u);
  EXPECT_EQ(difference(before, tree()), "");
}

TEST_F(Recovery, AnIndexThatIsUpToDateIsUsedAsItIs) {
  make_tree(0, 10);
  const FileTree before = tree();
  store.reopen();
  EXPECT_FALSE(store->statistics().index_rebuilt);
  EXPECT_EQ(store->statistics().batches_replayed, 0u);
  EXPECT_EQ(difference(before, tree()), "");
}

TEST_F(Recovery, AGarbledIndexIsRebuilt) {
  make_tree(0, 20);
  const FileTree before = tree();
  ASSERT_TRUE(store.close().ok());
  IndexCopy index = store.copy_index();
  Random dice(1);
  for (auto& [name, bytes] : index) bytes = dice.bytes(bytes.size());
  store.put_index(index);
  store.open();
  EXPECT_TRUE(store->statistics().index_rebuilt);
  EXPECT_EQ(difference(before, tree()), "");
}

TEST_F(Recovery, AnIndexThatWasCutShortIsRebuilt) {
  make_tree(0, 60);
  const FileTree before = tree();
  ASSERT_TRUE(store.close().ok());
  const IndexCopy whole = store.copy_index();
  for (const std::size_t rest : {0, 1, 100, 4096, 10'000}) {
    SCOPED_TRACE(rest);
    IndexCopy index = whole;
    for (auto& [name, bytes] : index) bytes.resize(std::min(bytes.size(), rest));
    store.put_index(index);
    store.open();
    EXPECT_TRUE(store->statistics().index_rebuilt);
    EXPECT_EQ(difference(before, tree()), "");
    ASSERT_TRUE(store.close().ok());
  }
  store.open();
}

TEST_F(Recovery, TheIndexOfAnotherStoreIsRebuilt) {
  TestStore other({.uuid = {{1, 2, 3}}});
  other.open();
  ASSERT_EQ(Shell(other.engine()).put("/foreign", "x"), 0);
  ASSERT_TRUE(other.close().ok());
  make_tree(0, 20);
  const FileTree before = tree();
  open_with_index(other.copy_index());
  EXPECT_TRUE(store->statistics().index_rebuilt);
  EXPECT_EQ(difference(before, tree()), "");
}

// A copy of the disk was put back: same store, and the index knows of batches that this log does not have.
TEST_F(Recovery, TheIndexOfAnotherLifeOfTheStoreIsRebuilt) {
  make_tree(0, 10);
  const FileTree before = tree();
  ASSERT_TRUE(store.close().ok());
  const ByteVector disk = store.device_bytes();
  store.open();
  make_tree(10, 30);
  ASSERT_TRUE(store.close().ok());
  const IndexCopy newer = store.copy_index();

  store::IoBuffer bytes(disk.size());
  std::copy(disk.begin(), disk.end(), bytes.data());
  ASSERT_TRUE(store.device().write(0, bytes.span()).ok());
  store.open();
  EXPECT_TRUE(store->statistics().index_rebuilt);
  EXPECT_EQ(difference(before, tree()), "");

  // The same when the log has gone on meanwhile, so that the position exists and is another batch.
  make_tree(30, 60);
  const FileTree later = tree();
  open_with_index(newer);
  EXPECT_TRUE(store->statistics().index_rebuilt);
  EXPECT_EQ(difference(later, tree()), "");
}

// --- snapshots ---

TEST_F(Recovery, ASnapshotBoundsTheReplay) {
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(shell().put("/" + std::to_string(i), pattern(50)), 0);
    ASSERT_EQ(store->commit().code(), 0);
  }
  ASSERT_EQ(store->snapshot().code(), 0);
  ASSERT_EQ(store->settle().code(), 0);
  EXPECT_EQ(store->statistics().snapshots_written, 1u);
  make_tree(0, 5);
  const FileTree before = tree();
  open_with_index({});
  EXPECT_TRUE(store->statistics().index_rebuilt);
  EXPECT_LE(store->statistics().batches_replayed, 10u);
  EXPECT_EQ(difference(before, tree()), "");
}

TEST(LargeStore, ThatIsClosedWithASnapshotWritesNoneWhenItIsClosedAgain) {
  TestStore store({.volume_bytes = 64u << 20, .volumes = 8});
  store.open();
  Shell shell(store.engine());
  Random random(20101122);
  const auto change = [&](int files) {
    for (int i = 0; i < files; ++i) {
      const std::string path = "/" + std::to_string(i);
      if (!shell.exists(path)) ASSERT_EQ(shell.put(path, "contents"), 0);
      std::string value(60'000, ' ');
      for (char& c : value) c = static_cast<char>(random.below(256));
      ASSERT_EQ(store->setxattr({}, shell.inode(path), "user.noise", value, engine::XattrMode::any).code(),
                0);
      ASSERT_EQ(store->commit().code(), 0);
    }
  };
  // A snapshot of 24 MB, and then changes of more than a quarter of that.
  change(400);
  ASSERT_EQ(store->snapshot().code(), 0);
  const std::uint64_t before = store->statistics().snapshots_written;
  change(150);
  ASSERT_EQ(store->statistics().snapshots_written, before);
  ASSERT_EQ(store->close().code(), 0);
  ASSERT_EQ(store->statistics().snapshots_written, before + 1);
  store.kill();
  store.open();
  ASSERT_EQ(store->close().code(), 0);
  EXPECT_EQ(store->statistics().snapshots_written, 0u);
}

TEST_F(Recovery, TheNewestOfManySnapshotsIsUsed) {
  for (int i = 0; i < 10; ++i) {
    make_tree(i * 10, i * 10 + 10);
    ASSERT_EQ(store->snapshot().code(), 0);
  }
  const FileTree before = tree();
  open_with_index({});
  EXPECT_LE(store->statistics().batches_replayed, 5u);
  EXPECT_EQ(difference(before, tree()), "");
  make_tree(100, 110);
  const FileTree later = tree();
  open_with_index({});
  EXPECT_EQ(difference(later, tree()), "");
}

TEST_F(Recovery, ASnapshotShowsWhatWasThereWhenFilesAreOpenAndUnlinked) {
  ASSERT_EQ(shell().put("/a", "contents"), 0);
  const InodeId file = shell().inode("/a");
  ASSERT_TRUE(store->open({}, file, {.write = true}).ok());
  ASSERT_EQ(shell().rm("/a"), 0);
  ASSERT_EQ(store->snapshot().code(), 0);
  open_with_index({});
  EXPECT_EQ(store->getattr(file).code(), ENOENT);
  EXPECT_EQ(store->statfs().inodes, 1u);
}

// --- again and again ---

TEST_F(Recovery, OpeningAndKillingManyTimesChangesNothing) {
  make_tree(0, 20);
  const FileTree before = tree();
  for (int i = 0; i < 20; ++i) {
    if (i % 3 == 0) {
      open_with_index({});
    } else {
      kill_and_open();
    }
    EXPECT_EQ(difference(before, tree()), "");
  }
}

TEST_F(Recovery, WhatAnAbandonedLifeWroteNeverComesBack) {
  ASSERT_EQ(shell().put("/kept", "kept"), 0);
  ASSERT_EQ(store->commit().code(), 0);
  // Never committed, but large enough that its needles are on the device already.
  ASSERT_EQ(shell().put("/abandoned", pattern(900'000)), 0);
  kill_and_open();
  EXPECT_THAT(shell().ls("/"), testing::ElementsAre("kept"));
  ASSERT_EQ(shell().put("/new", pattern(10)), 0);
  ASSERT_EQ(store->commit().code(), 0);
  open_with_index({});
  EXPECT_THAT(shell().ls("/"), testing::ElementsAre("kept", "new"));
}

// --- reading only ---

class ReadingOnly : public Recovery {
 protected:
  void open_read_only() {
    store.options.read_only = true;
    store.open();
  }
};

TEST_F(ReadingOnly, ShowsEverythingAndWritesNotOneByte) {
  make_tree(0, 30);
  const FileTree before = tree();
  for (const bool clean : {false, true}) {
    SCOPED_TRACE(clean ? "closed cleanly" : "killed");
    if (clean) {
      EXPECT_TRUE(store.close().ok());
    } else {
      store.kill();
    }
    const ByteVector bytes = store.device_bytes();
    const IndexCopy index = store.copy_index();
    const std::uint64_t writes = store.device().writes();
    open_read_only();
    EXPECT_TRUE(store->read_only());
    EXPECT_EQ(difference(before, tree()), "");
    EXPECT_EQ(store->statfs().inodes, before.size());
    EXPECT_TRUE(store.close().ok());
    EXPECT_EQ(store.device().writes(), writes);
    EXPECT_EQ(store.device_bytes(), bytes);
    EXPECT_EQ(store.copy_index(), index);
    store.options.read_only = false;
    store.open();
  }
}

TEST_F(ReadingOnly, NeedsNoIndex) {
  make_tree(0, 30);
  const FileTree before = tree();
  store.kill();
  store.put_index({});
  open_read_only();
  EXPECT_EQ(difference(before, tree()), "");
  EXPECT_TRUE(store.copy_index().empty());
}

TEST_F(ReadingOnly, EveryChangeIsErofs) {
  ASSERT_EQ(shell().put("/a", "x"), 0);
  ASSERT_EQ(shell().mkdir("/d"), 0);
  ASSERT_TRUE(store.close().ok());
  store.options.atime = engine::AtimePolicy::strict;
  open_read_only();
  EXPECT_EQ(shell().put("/b", "x"), EROFS);
  EXPECT_EQ(shell().append("/a", "x"), EROFS);
  EXPECT_EQ(shell().truncate("/a", 0), EROFS);
  EXPECT_EQ(shell().chmod("/a", 0600), EROFS);
  EXPECT_EQ(shell().mkdir("/e"), EROFS);
  EXPECT_EQ(shell().symlink("x", "/s"), EROFS);
  EXPECT_EQ(shell().ln("/a", "/b"), EROFS);
  EXPECT_EQ(shell().mv("/a", "/b"), EROFS);
  EXPECT_EQ(shell().rm("/a"), EROFS);
  EXPECT_EQ(shell().rmdir("/d"), EROFS);
  const InodeId file = shell().inode("/a");
  EXPECT_EQ(store->setxattr({}, file, "user.a", "b", engine::XattrMode::any).code(), EROFS);
  EXPECT_EQ(store->removexattr(file, "user.a").code(), EROFS);
  EXPECT_EQ(store->snapshot().code(), EROFS);
  EXPECT_EQ(store->open({}, file, {.write = true}).code(), EROFS);
  EXPECT_EQ(store->open({}, file, {}).code(), 0);
  EXPECT_EQ(shell().cat("/a"), "x");
  store->release(file);
}

TEST_F(ReadingOnly, LeavesUnlinkedFilesToTheNextWriter) {
  ASSERT_EQ(shell().put("/a", "contents"), 0);
  const InodeId file = shell().inode("/a");
  ASSERT_TRUE(store->open({}, file, {.write = true}).ok());
  ASSERT_EQ(shell().rm("/a"), 0);
  ASSERT_EQ(store->commit().code(), 0);
  store.kill();
  open_read_only();
  EXPECT_TRUE(shell().ls("/").empty());
}

// A batch whose sync the power cut ended: all of it or nothing of it (invariant 1), and the same to a reader as to a
// writer.
TEST(TornBatch, IsShownWholeOrNotAtAll) {
  const StoreShape shape{.volumes = 10};
  int shown = 0;
  int forgotten = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    auto disk = std::make_shared<CrashDevice>(shape.device_bytes(), std::make_shared<CrashPlan>());
    ASSERT_NO_FATAL_FAILURE(format_device(disk, shape));
    TestStore store(disk);
    store.open();
    Shell shell(store.engine());
    ASSERT_EQ(shell.put("/a", pattern(3000)), 0);
    ASSERT_EQ(store->commit().code(), 0);
    const IndexCopy index = store.copy_index();
    const FileTree without = *tree_of(store.engine());
    ASSERT_EQ(shell.put("/b", pattern(1000 + 100 * seed)), 0);
    ASSERT_EQ(shell.append("/a", "more"), 0);
    ASSERT_EQ(shell.mkdir("/d"), 0);
    const FileTree with = *tree_of(store.engine());
    std::shared_ptr<store::MemoryDevice> survivor;
    store.device().set_hooks({.before_sync = [&]() -> Status {
      survivor = disk->survivor(seed);
      return fail(EIO, "the power is off");
    }});
    ASSERT_EQ(store->commit().code(), EIO);
    store.device().set_hooks({});

    TestStore reader(survivor, store.clock);
    reader.put_index(index);
    reader.options.read_only = true;
    reader.open();
    const auto shown_tree = tree_of(reader.engine());
    ASSERT_TRUE(shown_tree.ok()) << to_string(shown_tree.error());
    const FileTree seen = *shown_tree;
    EXPECT_TRUE(seen == with || seen == without) << difference(with, seen) << difference(without, seen);
    (seen == with ? shown : forgotten) += 1;
    EXPECT_EQ(reader.device().writes(), 0u);
    reader.kill();

    TestStore writer(survivor, store.clock);
    writer.open();
    EXPECT_EQ(difference(seen, *tree_of(writer.engine())), "");
  }
  EXPECT_GT(shown, 0);
  EXPECT_GT(forgotten, 0);
}

}  // namespace
}  // namespace ciaos::test
