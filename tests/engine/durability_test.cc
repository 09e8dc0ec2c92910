// What fsync costs and what it promises, and what happens when a device refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "support/crash_device.h"
#include "support/engine_fixture.h"

namespace ciaos::test {
namespace {

class Durability : public EngineTest {};

// Holds callers back until it is opened.
class Barrier {
 public:
  void wait() {
    MutexLock lock(mutex_);
    ++waiting_;
    arrived_.notify_all();
    while (!open_) opened_.wait(mutex_);
  }
  void await_arrival() {
    MutexLock lock(mutex_);
    while (waiting_ == 0) arrived_.wait(mutex_);
  }
  void open() {
    MutexLock lock(mutex_);
    open_ = true;
    opened_.notify_all();
  }

 private:
  Mutex mutex_;
  CondVar arrived_;
  CondVar opened_;
  int waiting_ GUARDED_BY(mutex_) = 0;
  bool open_ GUARDED_BY(mutex_) = false;
};

TEST_F(Durability, AnFsyncCostsOneSync) {
  ASSERT_EQ(shell().mkdir("/d"), 0);
  ASSERT_EQ(shell().put("/d/a", "first"), 0);
  ASSERT_EQ(shell().put("/d/b", "second"), 0);
  const auto before = store->statistics().writer;
  const std::uint64_t device_before = store.device().syncs();
  ASSERT_EQ(shell().fsync("/d/a"), 0);
  EXPECT_EQ(store->statistics().writer.syncs - before.syncs, 1u);
  EXPECT_EQ(store->statistics().writer.commits - before.commits, 1u);
  EXPECT_EQ(store.device().syncs() - device_before, 1u);
}

TEST_F(Durability, AnFsyncOfWhatIsDurableCostsNothing) {
  ASSERT_EQ(shell().put("/a", "first"), 0);
  ASSERT_EQ(shell().put("/b", "second"), 0);
  ASSERT_EQ(shell().fsync("/a"), 0);
  const std::uint64_t before = store.device().syncs();
  // It was in the same batch.
  EXPECT_EQ(shell().fsync("/b"), 0);
  EXPECT_EQ(shell().fsync("/a"), 0);
  EXPECT_EQ(store->commit().code(), 0);
  EXPECT_EQ(store.device().syncs(), before);
}

// Invariant 5.
TEST_F(Durability, WhatWasFsyncedSurvivesAKillUnderItsName) {
  ASSERT_EQ(shell().mkdir("/d"), 0);
  ASSERT_EQ(shell().put("/d/kept", "kept"), 0);
  ASSERT_EQ(shell().fsync("/d/kept"), 0);
  ASSERT_EQ(shell().put("/d/lost", "lost"), 0);
  kill_and_open();
  EXPECT_EQ(shell().cat("/d/kept"), "kept");
  EXPECT_FALSE(shell().exists("/d/lost"));
}

TEST_F(Durability, AnFsyncOfADirectoryKeepsItsNames) {
  ASSERT_EQ(shell().put("/new", "contents"), 0);
  ASSERT_EQ(store->fsync(kRootInode).code(), 0);
  kill_and_open();
  EXPECT_EQ(shell().cat("/new"), "contents");
}

TEST_F(Durability, AnFsyncOfTheRootKeepsEverything) {
  ASSERT_EQ(shell().mkdir("/d"), 0);
  ASSERT_EQ(store->commit().code(), 0);
  ASSERT_EQ(shell().put("/d/deep", "contents"), 0);
  ASSERT_EQ(store->fsync(kRootInode).code(), 0);
  kill_and_open();
  EXPECT_EQ(shell().cat("/d/deep"), "contents");
}

TEST_F(Durability, AnFsyncAfterARenameKeepsTheNewName) {
  ASSERT_EQ(shell().put("/old", "contents"), 0);
  ASSERT_EQ(shell().fsync("/old"), 0);
  ASSERT_EQ(shell().mv("/old", "/new"), 0);
  ASSERT_EQ(shell().fsync("/new"), 0);
  kill_and_open();
  EXPECT_THAT(shell().ls("/"), testing::ElementsAre("new"));
}

TEST_F(Durability, ACleanCloseKeepsEverything) {
  ASSERT_EQ(shell().put("/a", "never synced"), 0);
  store.reopen();
  EXPECT_EQ(shell().cat("/a"), "never synced");
}

TEST_F(Durability, ThreadsThatFsyncAtOnceShareASync) {
  constexpr int kThreads = 8;
  Barrier first_sync;
  std::atomic<bool> holding = true;
  ASSERT_EQ(shell().put("/first", "holds the device"), 0);
  store.device().set_hooks({.before_sync = [&]() -> Status {
    if (holding.exchange(false)) first_sync.wait();
    return {};
  }});
  const std::uint64_t before = store.device().syncs();
  std::thread leader([&] { EXPECT_EQ(shell().fsync("/first"), 0); });
  first_sync.await_arrival();
  std::vector<std::thread> others;
  std::atomic<int> written = 0;
  for (int i = 0; i < kThreads; ++i) {
    others.emplace_back([&, i] {
      const std::string path = "/" + std::to_string(i);
      EXPECT_EQ(shell().put(path, "data"), 0);
      ++written;
      EXPECT_EQ(shell().fsync(path), 0);
    });
  }
  while (written < kThreads) std::this_thread::yield();
  first_sync.open();
  leader.join();
  for (std::thread& thread : others) thread.join();
  store.device().set_hooks({});
  EXPECT_EQ(store.device().syncs() - before, 2u);
  kill_and_open();
  for (int i = 0; i < kThreads; ++i) EXPECT_EQ(shell().cat("/" + std::to_string(i)), "data");
}

TEST_F(Durability, TheCommitIntervalBoundsWhatACrashTakes) {
  ASSERT_TRUE(store.close().ok());
  store.options.background = true;
  store.options.commit_interval_ms = 5;
  store.open();
  ASSERT_EQ(shell().put("/a", "nobody calls fsync"), 0);
  const std::uint64_t before = store->statistics().writer.commits;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  // Two: the first may have been cut while the file was being made.
  while (store->statistics().writer.commits < before + 2 && std::chrono::steady_clock::now() < deadline) {
    ASSERT_EQ(shell().put("/b", "so that there is something to commit"), 0);
    std::this_thread::yield();
  }
  kill_and_open();
  EXPECT_EQ(shell().cat("/a"), "nobody calls fsync");
}

// --- invariant 7 ---

class RefusingDevice : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    ASSERT_EQ(shell().put("/acknowledged", "safe"), 0);
    ASSERT_EQ(shell().fsync("/acknowledged"), 0);
  }
  void expect_read_only() {
    EXPECT_EQ(shell().put("/more", "x"), EROFS);
    EXPECT_EQ(shell().append("/acknowledged", "x"), EROFS);
    EXPECT_EQ(shell().mkdir("/d"), EROFS);
    EXPECT_EQ(shell().rm("/acknowledged"), EROFS);
    EXPECT_EQ(shell().mv("/acknowledged", "/b"), EROFS);
    EXPECT_EQ(shell().chmod("/acknowledged", 0600), EROFS);
    EXPECT_EQ(shell().cat("/acknowledged"), "safe");
  }
};

TEST_F(RefusingDevice, AFailedSyncIsEioForTheWaiterAndThenTheStoreIsReadOnly) {
  ASSERT_EQ(shell().put("/a", "unlucky"), 0);
  store.device().set_hooks({.before_sync = [] { return Status(fail(EIO, "injected")); }});
  EXPECT_EQ(shell().fsync("/a"), EIO);
  store.device().set_hooks({});
  expect_read_only();
  EXPECT_NE(shell().fsync("/a"), 0) << "a sync that failed is not tried again";
  EXPECT_NE(store.close().code(), 0);
  store.open();
  EXPECT_EQ(shell().cat("/acknowledged"), "safe");
  EXPECT_EQ(shell().put("/more", "works again"), 0);
  EXPECT_EQ(shell().fsync("/more"), 0);
}

TEST_F(RefusingDevice, AFailedWriteIsEioForTheWaiterAndThenTheStoreIsReadOnly) {
  ASSERT_EQ(shell().put("/a", "unlucky"), 0);
  store.device().set_hooks(
      {.before_write = [](std::uint64_t, ByteSpan) { return Status(fail(EIO, "injected")); }});
  EXPECT_EQ(shell().fsync("/a"), EIO);
  store.device().set_hooks({});
  expect_read_only();
  EXPECT_NE(store.close().code(), 0);
  store.open();
  EXPECT_EQ(shell().cat("/acknowledged"), "safe");
  EXPECT_FALSE(shell().exists("/a"));
}

TEST_F(RefusingDevice, EveryWaiterOfAFailedSyncHearsOfIt) {
  constexpr int kThreads = 6;
  for (int i = 0; i < kThreads; ++i) ASSERT_EQ(shell().put("/" + std::to_string(i), "x"), 0);
  store.device().set_hooks({.before_sync = [] { return Status(fail(EIO, "injected")); }});
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] { EXPECT_EQ(shell().fsync("/" + std::to_string(i)), EIO); });
  }
  for (std::thread& thread : threads) thread.join();
  store.device().set_hooks({});
}

// A disk that failed a sync may forget what that sync was to cover, and say nothing at the next one.
TEST(FailedSync, IsNeverTakenForDurableLater) {
  const StoreShape shape;
  auto plan = std::make_shared<CrashPlan>();
  auto disk = std::make_shared<CrashDevice>(shape.device_bytes(), plan);
  ASSERT_NO_FATAL_FAILURE(format_device(disk, shape));
  TestStore store(disk);
  store.open();
  Shell shell(store.engine());
  ASSERT_EQ(shell.put("/acknowledged", "safe"), 0);
  ASSERT_EQ(shell.fsync("/acknowledged"), 0);
  plan->fail_sync(plan->syncs() + 1);
  ASSERT_EQ(shell.put("/a", "unlucky"), 0);
  EXPECT_EQ(shell.fsync("/a"), EIO);
  EXPECT_NE(shell.fsync("/a"), 0);
  EXPECT_NE(store->commit().code(), 0);
  EXPECT_NE(store.close().code(), 0);

  TestStore after(disk->survivor(CrashDevice::kDropAll), store.clock);
  after.put_index(store.copy_index());
  after.open();
  EXPECT_EQ(Shell(after.engine()).cat("/acknowledged"), "safe");
  EXPECT_FALSE(Shell(after.engine()).exists("/a"));
}

// --- invariant 9 ---

TEST_F(Durability, AWriterThatWasReplacedWritesNothingMore) {
  ASSERT_EQ(shell().put("/a", "of the first"), 0);
  ASSERT_EQ(shell().fsync("/a"), 0);
  TestStore other(store.shared_device(), store.clock);
  other.open();
  ASSERT_EQ(Shell(other.engine()).put("/b", "of the second"), 0);
  ASSERT_EQ(Shell(other.engine()).fsync("/b"), 0);

  store.clock->advance_ms(2000);
  const auto own_writes = [&] { return store.device().writes() - other.device().writes(); };
  const std::uint64_t before = own_writes();
  ASSERT_EQ(shell().put("/c", "too late"), 0);
  EXPECT_EQ(shell().fsync("/c"), EIO);
  EXPECT_EQ(shell().put("/d", "x"), EROFS);
  store.kill();
  EXPECT_EQ(own_writes(), before);

  other.reopen();
  EXPECT_THAT(Shell(other.engine()).ls("/"), testing::ElementsAre("a", "b"));
}

}  // namespace
}  // namespace ciaos::test
