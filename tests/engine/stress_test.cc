// Many threads on one tree. No model can say what each answer must be; but every answer is one that the call may give,
// the tree agrees with itself afterwards, and a reopen changes nothing. Most is found here under ThreadSanitizer.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "support/engine_fixture.h"
#include "support/random.h"

namespace ciaos::test {
namespace {

class Stress : public EngineTest {
 protected:
  Stress() : EngineTest({.volume_bytes = 4u << 20, .volumes = 64}) {}
  void SetUp() override {
    store.options.background = true;
    store.options.commit_interval_ms = 2;
    store.options.dirty_bytes_max = 256 << 10;
    store.options.inode_cache_bytes = 64 << 10;
    EngineTest::SetUp();
  }
  void run_threads(int count, const std::function<void(int)>& body) {
    std::vector<std::thread> threads;
    for (int i = 0; i < count; ++i) threads.emplace_back([&, i] { body(i); });
    for (std::thread& thread : threads) thread.join();
  }
};

// One thread's random operations on names that all threads use.
class Worker {
 public:
  Worker(engine::Engine& engine, std::uint64_t seed) : engine_(engine), shell_(engine), dice_(seed) {}

  void step() {
    switch (dice_.below(12)) {
      case 0: return expect(shell_.mkdir(any_path()), {0, EEXIST, ENOENT, ENOTDIR});
      case 1: return expect(shell_.rmdir(any_path()), {0, ENOENT, ENOTDIR, ENOTEMPTY});
      case 2: return expect(shell_.rm(any_path()), {0, ENOENT, ENOTDIR, EISDIR});
      case 3:
        return expect(shell_.mv(any_path(), any_path()), {0, ENOENT, ENOTDIR, EISDIR, ENOTEMPTY, EINVAL});
      case 4:
        return expect(shell_.mv(any_path(), any_path(), {.exchange = true}), {0, ENOENT, ENOTDIR, EINVAL});
      case 5: return expect(shell_.ln(any_path(), any_path()), {0, ENOENT, ENOTDIR, EEXIST, EPERM});
      case 6: return expect(shell_.append(any_path(), block()), {0, ENOENT, ENOTDIR, EISDIR});
      case 7: return expect(shell_.truncate(any_path(), dice_.below(100'000)), {0, ENOENT, ENOTDIR, EISDIR});
      case 8: return expect(shell_.fsync(any_path()), {0, ENOENT, ENOTDIR});
      case 9: return read();
      case 10: return hold_open();
      default: return expect(shell_.put(any_path(), block()), {0, ENOENT, ENOTDIR, EISDIR, EEXIST});
    }
  }

 private:
  std::string any_path() {
    std::string path;
    do {
      path += "/" + std::string(1, static_cast<char>('a' + dice_.below(4)));
    } while (path.size() < 8 && dice_.chance(50));
    return path;
  }
  // Every byte that is ever written is the letter of its block.
  std::string block() {
    return std::string(1 + dice_.below(30'000), static_cast<char>('A' + dice_.below(26)));
  }

  void read() {
    const auto bytes = shell_.read(any_path());
    expect(bytes.code(), {0, ENOENT, ENOTDIR, EISDIR});
    if (!bytes.ok()) return;
    for (const char byte : *bytes) {
      if (byte != '\0' && (byte < 'A' || byte > 'Z')) return expect(EUCLEAN, {0});
    }
  }
  void hold_open() {
    const InodeId inode = shell_.inode(any_path());
    if (inode == InodeId{}) return;
    if (!engine_.open({}, inode, {}).ok()) return;
    ByteVector into(1000);
    expect(engine_.read(inode, 0, into).code(), {0, EISDIR, EINVAL});
    expect(engine_.getattr(inode).code(), {0});
    engine_.release(inode);
  }
  static void expect(int result, const std::set<int>& allowed) {
    EXPECT_TRUE(allowed.contains(result)) << std::strerror(result);
  }

  engine::Engine& engine_;
  Shell shell_;
  Random dice_;
};

TEST_F(Stress, ATreeThatManyChangeAgreesWithItself) {
  std::atomic<bool> stop = false;
  std::thread maintenance([&] {
    for (int i = 0; !stop; ++i) {
      EXPECT_EQ(store->commit().code(), 0);
      if (i % 5 == 0) {
        EXPECT_EQ(store->settle().code(), 0);
      }
      if (i % 40 == 7) {
        EXPECT_EQ(store->snapshot().code(), 0);
      }
      if (i % 20 == 3) store->drop_caches();
      store.clock->advance_ms(100);
      std::this_thread::yield();
    }
  });
  run_threads(4, [&](int thread) {
    Worker worker(store.engine(), static_cast<std::uint64_t>(thread) + 1);
    for (int i = 0; i < 1000; ++i) worker.step();
  });
  stop = true;
  maintenance.join();
  const FileTree before = tree();
  std::set<std::string> inodes;
  for (const auto& [path, line] : before) inodes.insert(line.substr(0, line.find(' ')));
  EXPECT_EQ(store->statfs().inodes, inodes.size())
      << "nothing is open, so nothing without a name may be left";
  store.reopen();
  EXPECT_EQ(difference(before, tree()), "");
  ASSERT_TRUE(store.close().ok());
  store.put_index({});
  store.open();
  EXPECT_EQ(difference(before, tree()), "");
}

TEST_F(Stress, WhatEachThreadFsyncedIsThereAfterAKill) {
  constexpr int kThreads = 4;
  constexpr int kFiles = 60;
  run_threads(kThreads, [&](int thread) {
    const std::string directory = "/" + std::to_string(thread);
    EXPECT_EQ(shell().mkdir(directory), 0);
    for (int i = 0; i < kFiles; ++i) {
      const std::string path = directory + "/" + std::to_string(i);
      EXPECT_EQ(shell().put(path, pattern(100 + 331 * i)), 0);
      EXPECT_EQ(shell().fsync(path), 0);
      EXPECT_EQ(shell().cat(path), pattern(100 + 331 * i));
    }
  });
  kill_and_open();
  for (int thread = 0; thread < kThreads; ++thread) {
    for (int i = 0; i < kFiles; ++i) {
      EXPECT_EQ(shell().cat("/" + std::to_string(thread) + "/" + std::to_string(i)), pattern(100 + 331 * i));
    }
  }
}

// A file is replaced over and over by a rename; whoever looks sees one of its versions, whole.
TEST_F(Stress, AFileThatIsReplacedByRenameIsAlwaysWhole) {
  constexpr std::size_t kBytes = 20'000;
  ASSERT_EQ(shell().put("/file", std::string(kBytes, 'a')), 0);
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (int i = 0; i < 200; ++i) {
      EXPECT_EQ(shell().put("/next", std::string(kBytes, static_cast<char>('a' + i % 26))), 0);
      EXPECT_EQ(shell().mv("/next", "/file"), 0);
      if (i % 10 == 0) {
        EXPECT_EQ(store->commit().code(), 0);
      }
    }
    stop = true;
  });
  run_threads(2, [&](int) {
    while (!stop) {
      const auto found = store->lookup(kRootInode, "file");
      ASSERT_TRUE(found.ok()) << "there is always one under that name";
      const auto bytes = read_whole(store.engine(), found->inode);
      store->forget(found->inode, 1);
      ASSERT_TRUE(bytes.ok()) << to_string(bytes.error());
      EXPECT_EQ(*bytes, std::string(kBytes, bytes->empty() ? '?' : bytes->front()));
    }
  });
  writer.join();
}

}  // namespace
}  // namespace ciaos::test
