// Buffers become needles early, by whichever thread finds too much in memory, while another one cuts the batch.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "store/memory_device.h"
#include "support/shell.h"
#include "support/test_store.h"

namespace ciaos::test {
namespace {

// What the device holds at this moment, opened by somebody who has no index.
std::string contents_after_power_cut(TestStore& store, const std::string& path) {
  const ByteVector bytes = store.device_bytes();
  store::IoBuffer buffer(bytes.size());
  std::ranges::copy(bytes, buffer.data());
  auto device = std::make_shared<store::MemoryDevice>(bytes.size());
  EXPECT_TRUE(device->write(0, buffer.span()).ok());
  TestStore after(device);
  after.open();
  return Shell(after.engine()).cat(path);
}

// Invariant 5. A thread that is about to flush a file must not hide it from the cut of an fsync.
TEST(EarlyFlush, NeverHidesAFileFromAnFsync) {
  TestStore store;
  store.options.dirty_bytes_max = 32 * 1024;
  store.options.background = true;
  store.open();
  std::atomic<bool> stop{false};
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 3; ++writer) {
    writers.emplace_back([&, writer] {
      Shell shell(store.engine());
      for (int round = 0; !stop && round < 1500; ++round) {
        const std::string path = "/" + std::to_string(writer) + "-" + std::to_string(round % 40);
        EXPECT_EQ(shell.put(path, std::string(3000, 'x')), 0);
      }
    });
  }
  Shell shell(store.engine());
  for (int round = 0; round < 25; ++round) {
    const std::string path = "/kept" + std::to_string(round);
    const std::string contents(2000 + static_cast<std::size_t>(round), 'k');
    ASSERT_EQ(shell.put(path, contents), 0);
    ASSERT_EQ(shell.fsync(path), 0);
    ASSERT_EQ(contents_after_power_cut(store, path), contents) << "round " << round;
  }
  stop = true;
  for (std::thread& writer : writers) writer.join();
  EXPECT_TRUE(store.close().ok());
}

// Who writes many files one after the other finds the work done by another thread; what is still open stays in its buffer.
TEST(EarlyFlush, ClosedFilesBecomeNeedlesWhileOthersAreOpen) {
  TestStore store;
  store.options.dirty_bytes_max = 1u << 20;
  store.options.commit_interval_ms = 3'600'000;
  store.options.background = true;
  store.open();
  const auto created = store->create({}, kRootInode, "open", 0644);
  ASSERT_TRUE(created.ok());
  const std::string text = "still being written";
  ASSERT_TRUE(store->write(created->inode, 0, as_bytes(text), {}).ok());
  Shell shell(store.engine());
  const std::string contents(30000, 'c');
  for (int i = 0; i < 10; ++i) ASSERT_EQ(shell.put("/closed" + std::to_string(i), contents), 0);

  // Below a sixteenth nobody is woken; ten files are more.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (store->statistics().dirty_bytes > store.options.dirty_bytes_max / 16 &&
         std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_LE(store->statistics().dirty_bytes, store.options.dirty_bytes_max / 16);
  EXPECT_GE(store->statistics().dirty_bytes, text.size());
  EXPECT_GE(store->statistics().writer.needles, 8u);
  EXPECT_EQ(shell.cat("/closed0"), contents);
  EXPECT_EQ(shell.cat("/open"), text);
  store->release(created->inode);
  EXPECT_TRUE(store.close().ok());
}

}  // namespace
}  // namespace ciaos::test
