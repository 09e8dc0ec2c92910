// Space: what a full store refuses and what it still does (invariants 3 and 8), and that space comes back.
#include <gtest/gtest.h>

#include <sys/resource.h>
#include <csignal>

#include <string>

#include "support/engine_fixture.h"
#include "support/random.h"

namespace ciaos::test {
namespace {

constexpr StoreShape kSmall{.volumes = 16};

class Space : public EngineTest {
 protected:
  explicit Space(const StoreShape& shape = kSmall) : EngineTest(shape) {}

  // Files of 64 KB until there is no more room. How many.
  int fill(const std::string& directory) {
    EXPECT_EQ(shell().mkdir(directory), 0);
    for (int i = 0;; ++i) {
      const int result =
          shell().put(directory + "/" + std::to_string(i), pattern(65'536, static_cast<char>('a' + i % 3)));
      if (result == ENOSPC) return i;
      EXPECT_EQ(result, 0);
      if (result != 0 || i > 10'000) return i;
    }
  }
  void remove(const std::string& directory) {
    for (const std::string& name : shell().ls(directory)) ASSERT_EQ(shell().rm(directory + "/" + name), 0);
    ASSERT_EQ(shell().rmdir(directory), 0);
  }
  // Time for the volumes to be given back: each commit looks once.
  void commit_some() {
    for (int i = 0; i < 6; ++i) {
      store.clock->advance_ms(1000);
      ASSERT_EQ(shell().chmod("/", 0755), 0);
      ASSERT_EQ(store->commit().code(), 0);
    }
  }
};

TEST_F(Space, AFullStoreSaysSoAtTheWriteAndKeepsWhatItTook) {
  const int files = fill("/d");
  EXPECT_GT(files, 50);
  // ENOSPC came at the write; what was written before is kept, however late it is made durable.
  ASSERT_EQ(store->commit().code(), 0);
  store.reopen();
  for (int i = 0; i < files; ++i) {
    ASSERT_EQ(shell().cat("/d/" + std::to_string(i)), pattern(65'536, static_cast<char>('a' + i % 3)));
  }
}

TEST_F(Space, AWriteThatDoesNotFitLeavesNoHalf) {
  const int files = fill("/d");
  const std::string path = "/d/" + std::to_string(files - 1);
  const std::string before = describe(*shell().stat(path));
  EXPECT_EQ(shell().append(path, pattern(1'000'000)), ENOSPC);
  EXPECT_EQ(describe(*shell().stat(path)), before);
  EXPECT_EQ(shell().cat(path), pattern(65'536, static_cast<char>('a' + (files - 1) % 3)));
}

TEST_F(Space, AFullStoreStillLetsYouDelete) {
  fill("/d");
  ASSERT_EQ(store->commit().code(), 0);
  EXPECT_EQ(shell().put("/more", pattern(65'536)), ENOSPC);
  for (const std::string& name : shell().ls("/d")) {
    ASSERT_EQ(shell().rm("/d/" + name), 0);
    ASSERT_EQ(store->commit().code(), 0);
  }
  EXPECT_EQ(shell().rmdir("/d"), 0);
  EXPECT_EQ(store->commit().code(), 0);
}

TEST_F(Space, DeletedSpaceComesBack) {
  const int first = fill("/d");
  ASSERT_EQ(store->commit().code(), 0);
  for (int round = 0; round < 3; ++round) {
    SCOPED_TRACE(round);
    remove("/d");
    commit_some();
    EXPECT_GT(store->statistics().volumes_freed, 0u);
    if (round == 1) store.reopen();
    const int again = fill("/d");
    EXPECT_GE(again, first * 8 / 10);
    ASSERT_EQ(store->commit().code(), 0);
    for (int i = 0; i < again; i += 7) {
      ASSERT_EQ(shell().cat("/d/" + std::to_string(i)), pattern(65'536, static_cast<char>('a' + i % 3)));
    }
  }
}

TEST_F(Space, SpaceOfAnUnlinkedFileComesBackAfterACrash) {
  const int first = fill("/d");
  ASSERT_EQ(store->commit().code(), 0);
  for (const std::string& name : shell().ls("/d")) {
    ASSERT_TRUE(store->open({}, shell().inode("/d/" + name), {}).ok());
    ASSERT_EQ(shell().rm("/d/" + name), 0);
  }
  ASSERT_EQ(store->commit().code(), 0);
  kill_and_open();
  ASSERT_EQ(shell().rmdir("/d"), 0);
  commit_some();
  EXPECT_GE(fill("/e"), first * 8 / 10);
}

TEST_F(Space, OverwritingOneFileForEverDoesNotFillTheStore) {
  // Four times what the store holds.
  for (int i = 0; i < 64; ++i) {
    store.clock->advance_ms(1000);
    const std::string contents = Random(i).bytes(1'000'000);
    ASSERT_EQ(shell().put("/a", contents), 0) << i;
    ASSERT_EQ(shell().fsync("/a"), 0);
    if (i % 16 == 15) {
      ASSERT_TRUE(shell().cat("/a") == contents);
    }
  }
}

TEST_F(Space, CreatingAndDeletingForEverDoesNotFillTheStoreWithLog) {
  const std::uint64_t volumes = kSmall.volumes * kSmall.volume_bytes;
  std::uint64_t written = 0;
  for (int i = 0; written < 2 * volumes; ++i) {
    ASSERT_LT(i, 20'000);
    const std::string path = "/" + std::string(200, 'n') + std::to_string(i);
    ASSERT_EQ(shell().put(path, ""), 0) << i;
    ASSERT_EQ(shell().fsync(path), 0);
    ASSERT_EQ(shell().rm(path), 0);
    written = store->statistics().writer.bytes_written;
  }
}

TEST_F(Space, NamesOnAFullStoreNeverTakeTheRoomThatDeletionsNeed) {
  fill("/d");
  ASSERT_EQ(store->commit().code(), 0);
  const std::string prefix = "/" + std::string(240, 'n');
  int made = 0;
  int result = 0;
  for (; made < 200'000 && result == 0; ++made) {
    result = shell().put(prefix + std::to_string(made), "");
    // Whatever was promised can be kept: a commit is never what finds the store full.
    if (made % 50 == 49 || result != 0) ASSERT_EQ(store->commit().code(), 0) << made;
  }
  EXPECT_EQ(result, ENOSPC);
  for (const std::string& name : shell().ls("/d")) {
    ASSERT_EQ(shell().rm("/d/" + name), 0);
    ASSERT_EQ(store->commit().code(), 0);
  }
  EXPECT_EQ(shell().put("/more", pattern(65'536)), 0);
}

TEST_F(Space, AttributesOnAFullStoreNeverTakeTheRoomThatDeletionsNeed) {
  fill("/d");
  ASSERT_EQ(store->commit().code(), 0);
  Random random(5);
  int full = 0;
  for (int i = 0; i < 3000 && full < 50; ++i) {
    const std::string path = "/d/" + std::to_string(random.below(20));
    const std::string name = "user." + std::to_string(random.below(4));
    const std::string value = random.bytes(1 + random.below(60'000));
    const int result = store->setxattr({}, shell().inode(path), name, value, engine::XattrMode::any).code();
    ASSERT_TRUE(result == 0 || result == ENOSPC) << result << " at " << i;
    full += result == ENOSPC ? 1 : 0;
    if (random.chance(10)) ASSERT_EQ(store->commit().code(), 0) << i;
  }
  for (const std::string& name : shell().ls("/d")) {
    ASSERT_EQ(shell().rm("/d/" + name), 0);
    ASSERT_EQ(store->commit().code(), 0);
  }
  EXPECT_EQ(shell().put("/more", pattern(65'536)), 0);
}

TEST_F(Space, StatfsIsHonest) {
  const engine::FilesystemStatistics empty = store->statfs();
  EXPECT_EQ(empty.inodes, 1u);
  EXPECT_GT(empty.bytes_free, 0u);
  EXPECT_LE(empty.bytes_free, empty.bytes_total);
  EXPECT_LE(empty.bytes_total, kSmall.device_bytes());
  EXPECT_EQ(empty.name_bytes_max, 255u);
  for (int i = 0; i < 20; ++i) ASSERT_EQ(shell().put("/" + std::to_string(i), Random(i).bytes(100'000)), 0);
  ASSERT_EQ(store->commit().code(), 0);
  const engine::FilesystemStatistics some = store->statfs();
  EXPECT_EQ(some.inodes, 21u);
  EXPECT_EQ(some.bytes_total, empty.bytes_total);
  EXPECT_LE(some.bytes_free, empty.bytes_free - 2'000'000);
  EXPECT_GE(some.bytes_free, empty.bytes_free - 4'000'000);
  // A store that says it has room takes it.
  const std::uint64_t room = some.bytes_free * 8 / 10;
  for (std::uint64_t used = 0; used < room; used += 100'000) {
    ASSERT_EQ(shell().put("/more" + std::to_string(used), Random(used).bytes(100'000)), 0);
  }
  ASSERT_EQ(store->commit().code(), 0);
  store.reopen();
  EXPECT_EQ(store->statfs().bytes_total, empty.bytes_total);
}

// --- invariant 7, second half ---

// What an index cannot take is not lost and no fsync fails for it; new writes are refused, and the next open replays.
TEST_F(Space, AnIndexThatCannotBeWrittenFailsNoFsync) {
  ASSERT_EQ(shell().put("/a", "durable all the same"), 0);
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  rlimit none = limit;
  none.rlim_cur = 0;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &none), 0);
  const int synced = shell().fsync("/a");
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  EXPECT_EQ(synced, 0);
  EXPECT_EQ(shell().put("/b", "x"), EROFS);
  EXPECT_EQ(shell().cat("/a"), "durable all the same");
  kill_and_open();
  EXPECT_EQ(shell().cat("/a"), "durable all the same");
  EXPECT_EQ(shell().put("/b", "x"), 0);
}

// Invariant 8: room is kept for a snapshot of whatever size it will be.
TEST(LargeSnapshot, OnAFullStoreOfSmallVolumesLeavesRoomToDelete) {
  TestStore store({.volumes = 32});
  store.open();
  Shell shell(store.engine());
  Random dice(1);
  for (int i = 0; i < 6'000; ++i) {
    std::string name = "/" + std::to_string(i) + "-";
    while (name.size() < 230) name.push_back(static_cast<char>('a' + dice.below(26)));
    const int result = shell.put(name, "");
    if (result == ENOSPC) break;
    ASSERT_EQ(result, 0) << i;
  }
  int files = 0;
  while (shell.put("/d" + std::to_string(files), pattern(65'536)) == 0) {
    ++files;
    ASSERT_EQ(store->commit().code(), 0);
  }
  ASSERT_GT(files, 0);
  for (int i = 0; i < files; ++i) {
    ASSERT_EQ(shell.rm("/d" + std::to_string(i)), 0) << i;
    ASSERT_EQ(store->commit().code(), 0) << i;
  }
  store.kill();
  store.open();
  EXPECT_EQ(Shell(store.engine()).put("/after", pattern(65'536)), 0);
  EXPECT_EQ(store->commit().code(), 0);
}

// Some device may name the new snapshot already, and the one before it is still what another one needs: nothing may be
// given back, so nothing is written either (invariant 7).
TEST(FailedSuperblock, EndsWriting) {
  TestStore store({.volumes = 24});
  store.open();
  Shell shell(store.engine());
  ASSERT_EQ(shell.put("/keep", pattern(100'000)), 0);
  ASSERT_EQ(shell.fsync("/keep"), 0);
  const std::uint64_t second_copy = store.device().size() / 4096 * 4096 - 4096;
  store.device().set_hooks({.before_write = [=](std::uint64_t offset, ByteSpan) {
    return offset == second_copy ? Status(fail(EIO)) : Status();
  }});
  EXPECT_EQ(store->snapshot().code(), EIO);
  EXPECT_EQ(shell.put("/more", "x"), EROFS);
  EXPECT_EQ(shell.cat("/keep"), pattern(100'000));
  store.device().set_hooks({});
  store.kill();
  store.open();
  EXPECT_EQ(Shell(store.engine()).cat("/keep"), pattern(100'000));
}

}  // namespace
}  // namespace ciaos::test
