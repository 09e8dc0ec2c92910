// What is noted between two commits fits into one txn needle, whatever it is and however many do it at once: an operation
// that finds no room for its records commits first.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "support/engine_fixture.h"
#include "support/shell.h"
#include "support/test_store.h"

namespace ciaos::test {
namespace {

// A byte at the begin of each of so many pieces of 8 KiB: as many extents, with holes between.
void write_pieces(TestStore& store, InodeId file, std::uint64_t pieces) {
  const std::string byte = "b";
  for (std::uint64_t i = 0; i < pieces; ++i)
    ASSERT_EQ(store->write(file, 8192 * i, as_bytes(byte), {}).code(), 0) << i;
}

TEST(BatchLimits, LargeAttributesAreSpreadOverBatches) {
  TestStore store({.volumes = 32});
  store.open();
  Shell shell(store.engine());
  ASSERT_EQ(shell.put("/f", "x"), 0);
  const InodeId file = shell.inode("/f");
  const std::string value(engine::kXattrBytesMax, 'v');
  for (const char* name : {"user.a", "user.b", "user.c"}) {
    ASSERT_EQ(store->setxattr({}, file, name, value, engine::XattrMode::any).code(), 0);
  }
  EXPECT_EQ(store->fsync(file).code(), 0);
  store.reopen();
  EXPECT_EQ(*store->getxattr(Shell(store.engine()).inode("/f"), "user.b"), value);
}

TEST(BatchLimits, HoldForManyAtOnce) {
  TestStore store({.volume_bytes = 4u << 20, .volumes = 32});
  store.options.background = true;
  store.open();
  std::vector<InodeId> files;
  for (int i = 0; i < 8; ++i) {
    files.push_back(store->create({}, kRootInode, "f" + std::to_string(i), 0644)->inode);
  }
  std::atomic<int> error = 0;
  std::vector<std::thread> threads;
  for (const InodeId file : files) {
    threads.emplace_back([&, file] {
      const std::string value(engine::kXattrBytesMax, 'v');
      for (int round = 0; round < 40 && error == 0; ++round) {
        const std::string name = "user." + std::to_string(round % 5);
        if (const int code = store->setxattr({}, file, name, value, engine::XattrMode::any).code())
          error = code;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(error, 0);
  EXPECT_EQ(store->commit().code(), 0);
  EXPECT_EQ(store.close().code(), 0);
}

// Each byte becomes a needle and an extent of its own when the batch is closed.
TEST(BatchLimits, CountBufferedPiecesBeforeTheyAreNeedles) {
  TestStore store({.volumes = 64});
  store.open();
  Shell shell(store.engine());
  ASSERT_EQ(shell.put("/f", ""), 0);
  const InodeId file = shell.inode("/f");
  write_pieces(store, file, 3000);
  EXPECT_EQ(store->fsync(file).code(), 0);
  store.reopen();
  EXPECT_EQ(Shell(store.engine()).stat("/f")->size, 8192u * 2999 + 1);
}

// Volumes of a megabyte take batches of a thousand rows.
TEST(BatchLimits, ClonesAndHolesGoInStepsThatFit) {
  TestStore store({.volumes = 64});
  store.open();
  Shell shell(store.engine());
  ASSERT_EQ(shell.put("/f", ""), 0);
  ASSERT_EQ(shell.put("/copy", ""), 0);
  const InodeId file = shell.inode("/f");
  const InodeId copy = shell.inode("/copy");
  write_pieces(store, file, 3000);
  const std::uint64_t size = 8192 * 2999 + 1;
  std::uint64_t done = 0;
  while (done < size) {
    const auto part = store->clone_range(
        {.from = file, .from_offset = done, .to = copy, .to_offset = done, .length = size - done});
    ASSERT_TRUE(part.ok()) << to_string(part.error());
    ASSERT_GT(*part, 0u);
    done += *part;
  }
  EXPECT_EQ(store->commit().code(), 0);
  EXPECT_EQ(shell.cat("/copy"), shell.cat("/f"));
  EXPECT_EQ(store->change_range(file, {.offset = 0, .length = size, .keep_size = true}).code(), 0);
  EXPECT_EQ(store->commit().code(), 0);
  EXPECT_EQ(shell.cat("/f"), std::string(size, '\0'));
}

TEST(BatchLimits, ATruncateGoesInStepsThatFit) {
  constexpr std::uint64_t kPieces = 1000;
  constexpr std::uint64_t kCopies = 60;
  constexpr std::uint64_t kBytes = 8192 * kPieces;
  TestStore store({.volumes = 64});
  store.open();
  Shell shell(store.engine());
  ASSERT_EQ(shell.put("/f", ""), 0);
  ASSERT_EQ(shell.put("/long", ""), 0);
  const InodeId file = shell.inode("/f");
  write_pieces(store, file, kPieces);
  ASSERT_EQ(shell.truncate("/f", kBytes), 0);
  for (std::uint64_t copy = 0; copy < kCopies; ++copy) {
    for (std::uint64_t done = 0; done < kBytes;) {
      const auto part = store->clone_range({.from = file,
                                            .from_offset = done,
                                            .to = shell.inode("/long"),
                                            .to_offset = kBytes * copy + done,
                                            .length = kBytes - done});
      ASSERT_TRUE(part.ok()) << to_string(part.error());
      done += *part;
    }
  }
  ASSERT_EQ(shell.truncate("/long", kBytes + 8192), 0);
  EXPECT_EQ(store->commit().code(), 0);
  EXPECT_EQ(shell.stat("/long")->blocks512, (kPieces + 1 + 511) / 512);
  ASSERT_EQ(shell.truncate("/long", 2 * kBytes), 0);
  std::string left = shell.cat("/f") + "b";
  left.resize(2 * kBytes);
  store.reopen();
  EXPECT_TRUE(Shell(store.engine()).cat("/long") == left);
}

}  // namespace
}  // namespace ciaos::test
