// readdir: every name that is there throughout comes exactly once, whatever comes and goes meanwhile.
#include <dirent.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "support/engine_fixture.h"
#include "support/random.h"

namespace ciaos::test {
namespace {

struct Entry {
  std::string name;
  InodeId inode;
  std::uint8_t type = 0;
  std::uint64_t position = 0;
};

class Listing : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    ASSERT_EQ(shell().mkdir("/d"), 0);
    directory = shell().inode("/d");
  }
  // At most `limit` entries behind a position, as one getdents call gets them.
  std::vector<Entry> page(std::uint64_t after, std::size_t limit) {
    std::vector<Entry> entries;
    const Status listed = store->readdir(
        directory, after, false,
        [&](const engine::DirectoryEntry& entry, const engine::Attributes* attributes) {
          EXPECT_EQ(attributes, nullptr);
          if (entries.size() == limit) return false;
          entries.push_back({std::string(entry.name), entry.inode, entry.type, entry.position});
          return true;
        });
    EXPECT_TRUE(listed.ok());
    return entries;
  }
  std::vector<std::string> names_after(std::uint64_t position) {
    std::vector<std::string> names;
    for (const Entry& entry : page(position, SIZE_MAX)) names.push_back(entry.name);
    return names;
  }
  static std::string path(const std::string& name) { return "/d/" + name; }

  InodeId directory;
};

TEST_F(Listing, BeginsWithDotAndDotDotAndTellsTypes) {
  ASSERT_EQ(shell().mkdir("/d/directory"), 0);
  ASSERT_EQ(shell().put("/d/file", ""), 0);
  ASSERT_EQ(shell().symlink("x", "/d/symlink"), 0);
  ASSERT_TRUE(store->mknod({}, directory, "fifo", S_IFIFO | 0644, 0).ok());
  const std::vector<Entry> entries = page(0, SIZE_MAX);
  ASSERT_EQ(entries.size(), 6u);
  EXPECT_EQ(entries[0].name, ".");
  EXPECT_EQ(entries[0].inode, directory);
  EXPECT_EQ(entries[1].name, "..");
  EXPECT_EQ(entries[1].inode, kRootInode);
  std::map<std::string, std::uint8_t> types;
  for (const Entry& entry : entries) types[entry.name] = entry.type;
  EXPECT_EQ(types["directory"], DT_DIR);
  EXPECT_EQ(types["file"], DT_REG);
  EXPECT_EQ(types["symlink"], DT_LNK);
  EXPECT_EQ(types["fifo"], DT_FIFO);
  EXPECT_EQ(store->readdir(shell().inode("/d/file"), 0, false, [](const auto&, auto) { return true; }).code(),
            ENOTDIR);
}

TEST_F(Listing, IsExactWhileNamesComeAndGo) {
  constexpr int kNames = 1000;
  for (int i = 0; i < kNames; ++i) {
    ASSERT_EQ(shell().put(path(std::to_string(i)), ""), 0);
    if (i % 100 == 50) {
      ASSERT_EQ(store->commit().code(), 0);
    }
  }
  Random dice(1);
  std::map<std::string, int> seen;
  std::vector<bool> stays(kNames, true);
  std::uint64_t position = 0;
  int fresh = 0;
  for (std::vector<Entry> entries = page(0, 17); !entries.empty(); entries = page(position, 17)) {
    for (const Entry& entry : entries) {
      EXPECT_GT(entry.position, position);
      position = entry.position;
      ++seen[entry.name];
    }
    ASSERT_LT(fresh, 3000) << "the listing runs after the names that are being added";
    // Some go, some come, some are replaced by a rename; what is in memory moves to the index now and then.
    for (int i = 0; i < 5; ++i) {
      const auto victim = dice.below(kNames);
      if (!stays[victim]) continue;
      stays[victim] = false;
      ASSERT_EQ(shell().rm(path(std::to_string(victim))), 0);
    }
    if (fresh < 200) {
      ASSERT_EQ(shell().put(path("new" + std::to_string(fresh)), ""), 0);
    }
    ++fresh;
    if (dice.chance(20)) {
      ASSERT_EQ(store->commit().code(), 0);
    }
  }
  for (int i = 0; i < kNames; ++i) {
    const auto found = seen.find(std::to_string(i));
    if (stays[static_cast<std::size_t>(i)]) {
      EXPECT_EQ(found == seen.end() ? 0 : found->second, 1) << i;
    } else if (found != seen.end()) {
      EXPECT_EQ(found->second, 1) << i;
    }
  }
}

TEST_F(Listing, ANameThatARenameReplacedIsListedOnce) {
  for (int i = 0; i < 10; ++i) ASSERT_EQ(shell().put(path(std::to_string(i)), "old"), 0);
  const std::vector<Entry> first = page(0, 6);
  ASSERT_EQ(shell().put("/new", "new"), 0);
  ASSERT_EQ(shell().mv("/new", path(first.back().name)), 0);
  for (const std::string& name : names_after(first.back().position)) EXPECT_NE(name, first.back().name);
}

TEST_F(Listing, RenamingWhateverItTellsEnds) {
  for (int i = 0; i < 10; ++i) ASSERT_EQ(shell().put(path(std::to_string(i)), ""), 0);
  ASSERT_EQ(shell().mkdir("/d/below"), 0);
  std::uint64_t at = page(0, 2).back().position;
  std::size_t told = 0;
  for (std::vector<Entry> next = page(at, 1); !next.empty(); next = page(at, 1)) {
    ASSERT_LT(told, 11u);
    at = next.front().position;
    ASSERT_EQ(shell().mv(path(next.front().name), path("new" + std::to_string(told++))), 0);
    if (told % 4 == 0) ASSERT_EQ(store->commit().code(), 0);
  }
  EXPECT_EQ(told, 11u);
  store.reopen();
  EXPECT_EQ(names_after(0).size(), 13u);
  EXPECT_EQ(shell().stat("/d")->links, 3u);
}

TEST_F(Listing, PositionsStayValid) {
  for (int i = 0; i < 50; ++i) ASSERT_EQ(shell().put(path(std::to_string(i)), ""), 0);
  const std::vector<Entry> entries = page(0, SIZE_MAX);
  const std::uint64_t position = entries[20].position;
  std::vector<std::string> rest = names_after(position);
  // Where the position's own entry goes away, and in another life with another index.
  ASSERT_EQ(shell().rm(path(entries[20].name)), 0);
  EXPECT_EQ(names_after(position), rest);
  ASSERT_EQ(store->commit().code(), 0);
  EXPECT_EQ(names_after(position), rest);
  store.reopen();
  EXPECT_EQ(names_after(position), rest);
  store.kill();
  store.put_index({});
  store.open();
  EXPECT_EQ(names_after(position), rest);
  // A name that comes back has another position, behind all others.
  ASSERT_EQ(shell().put(path(entries[20].name), ""), 0);
  rest.push_back(entries[20].name);
  EXPECT_EQ(names_after(position), rest);
}

TEST_F(Listing, RemovingWhatIsListedEmptiesADirectoryInOnePass) {
  constexpr int kNames = 2000;
  for (int i = 0; i < kNames; ++i) ASSERT_EQ(shell().put(path(std::to_string(i)), ""), 0);
  ASSERT_EQ(store->commit().code(), 0);
  std::uint64_t position = 2;
  int removed = 0;
  for (std::vector<Entry> entries = page(position, 100); !entries.empty(); entries = page(position, 100)) {
    for (const Entry& entry : entries) {
      ASSERT_EQ(shell().rm(path(entry.name)), 0);
      position = entry.position;
      ++removed;
    }
  }
  EXPECT_EQ(removed, kNames);
  EXPECT_EQ(shell().rmdir("/d"), 0);
}

TEST_F(Listing, WithAttributesPinsWhatTheSinkTook) {
  ASSERT_EQ(shell().put("/d/a", "contents"), 0);
  ASSERT_EQ(shell().put("/d/b", "contents"), 0);
  const InodeId a = shell().inode("/d/a");
  const InodeId b = shell().inode("/d/b");
  int taken = 0;
  ASSERT_TRUE(store
                  ->readdir(directory, 2, true,
                            [&](const engine::DirectoryEntry& entry, const engine::Attributes* at) {
                              EXPECT_EQ(entry.inode, at->inode);
                              EXPECT_EQ(at->size, 8u);
                              return ++taken == 1;
                            })
                  .ok());
  ASSERT_EQ(shell().rm("/d/a"), 0);
  ASSERT_EQ(shell().rm("/d/b"), 0);
  EXPECT_EQ(store->getattr(a).code(), 0) << "it was taken, so it is pinned";
  EXPECT_EQ(store->getattr(b).code(), ENOENT);
  store->forget(a, 1);
  EXPECT_EQ(store->getattr(a).code(), ENOENT);
}

TEST_F(Listing, IsExactWhileOtherThreadsWork) {
  ASSERT_TRUE(store.close().ok());
  store.options.background = true;
  store.options.commit_interval_ms = 1;
  store.open();
  constexpr int kStaying = 300;
  for (int i = 0; i < kStaying; ++i) ASSERT_EQ(shell().put(path("stays" + std::to_string(i)), ""), 0);
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 2; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; !stop; ++i) {
        const std::string name = path("goes" + std::to_string(thread) + "." + std::to_string(i % 20));
        EXPECT_EQ(shell().put(name, ""), 0);
        if (i % 3 != 0) {
          EXPECT_EQ(shell().rm(name), 0);
        }
      }
    });
  }
  for (int round = 0; round < 30; ++round) {
    std::map<std::string, int> seen;
    std::uint64_t position = 0;
    for (std::vector<Entry> entries = page(0, 23); !entries.empty(); entries = page(position, 23)) {
      for (const Entry& entry : entries) {
        ++seen[entry.name];
        position = entry.position;
      }
    }
    for (int i = 0; i < kStaying; ++i) ASSERT_EQ(seen["stays" + std::to_string(i)], 1) << i;
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace ciaos::test
