// Reading and writing files: holes, ends, appends, limits, and what reads cost.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>
#include <vector>

#include "meta/index.h"
#include "store/superblock.h"
#include "support/engine_fixture.h"
#include "support/random.h"

namespace ciaos::test {
namespace {

class Contents : public EngineTest {
 protected:
  std::string read(std::string_view path, std::uint64_t offset, std::size_t bytes) {
    std::string into(bytes, '?');
    const MutableByteSpan span(reinterpret_cast<std::byte*>(into.data()), bytes);
    const auto count = store->read(shell().inode(path), offset, span);
    if (!count.ok()) return "error: " + to_string(count.error());
    return into.substr(0, *count);
  }
  // How many rows the index has for a file. Closes and opens the store.
  std::size_t extents(std::string_view path) {
    const InodeId inode = shell().inode(path);
    EXPECT_TRUE(store.close().ok());
    auto index =
        meta::Index::open(store.options.index_directory, StoreShape{}.uuid, meta::Index::Mode::existing);
    EXPECT_TRUE(index.ok()) << to_string(index.error());
    auto reader = (*index)->reader();
    EXPECT_TRUE(reader.ok());
    const auto rows = reader->extents(inode, 0, engine::kFileBytesMax, 1u << 20);
    EXPECT_TRUE(rows.ok());
    const std::size_t count = rows->size();
    { auto ended = *std::move(reader); }
    index->reset();
    store.open();
    return count;
  }
};

// --- what reads cost ---

TEST_F(Contents, ASmallFileCostsOneDeviceReadCold) {
  for (int i = 0; i < 20; ++i) ASSERT_EQ(shell().put("/" + std::to_string(i), pattern(1000 + i)), 0);
  store.reopen();
  store->drop_caches();
  for (int i = 0; i < 20; ++i) {
    const std::uint64_t before = store->statistics().reader.device_reads;
    EXPECT_EQ(shell().cat("/" + std::to_string(i)), pattern(1000 + i));
    EXPECT_EQ(store->statistics().reader.device_reads - before, 1u) << i;
  }
}

TEST_F(Contents, ALookupCostsNoDeviceRead) {
  ASSERT_EQ(shell().mkdir("/d"), 0);
  ASSERT_EQ(shell().put("/d/a", "x"), 0);
  store.reopen();
  const std::uint64_t before = store.device().reads();
  EXPECT_TRUE(shell().stat("/d/a").ok());
  EXPECT_EQ(store.device().reads(), before);
}

TEST_F(Contents, ReadsSeeWhatIsNotWrittenToADeviceYet) {
  ASSERT_EQ(shell().put("/a", pattern(300'000)), 0);
  EXPECT_EQ(shell().cat("/a"), pattern(300'000));
  EXPECT_EQ(store.device().syncs(), store.device().syncs());
  ASSERT_EQ(shell().write_at("/a", 150'000, "NEW"), 0);
  EXPECT_EQ(read("/a", 149'999, 5),
            pattern(300'000).substr(149'999, 1) + "NEW" + pattern(300'000).substr(150'003, 1));
}

// --- holes and ends ---

TEST_F(Contents, HolesReadAsZerosAndCostNothing) {
  ASSERT_EQ(shell().put("/a", "begin"), 0);
  ASSERT_EQ(shell().write_at("/a", 1 << 30, "end"), 0);
  ASSERT_EQ(shell().fsync("/a"), 0);
  EXPECT_EQ(shell().stat("/a")->size, (1u << 30) + 3);
  EXPECT_LE(shell().stat("/a")->blocks512, 16u);
  EXPECT_EQ(read("/a", 0, 10), std::string("begin") + std::string(5, '\0'));
  EXPECT_EQ(read("/a", (1 << 30) - 5, 100), std::string(5, '\0') + "end");
  EXPECT_EQ(read("/a", 1 << 29, 70'000), std::string(70'000, '\0'));
  store.reopen();
  EXPECT_EQ(read("/a", (1 << 30) - 5, 100), std::string(5, '\0') + "end");
}

TEST_F(Contents, AShrinkAndAGrowthReadZerosInTheLastPageToo) {
  for (const bool committed : {false, true}) {
    SCOPED_TRACE(committed ? "committed in between" : "in memory");
    ASSERT_EQ(shell().put("/a", pattern(10'000)), 0);
    if (committed) {
      ASSERT_EQ(store->commit().code(), 0);
    }
    ASSERT_EQ(shell().truncate("/a", 5'001), 0);
    if (committed) {
      ASSERT_EQ(store->commit().code(), 0);
    }
    ASSERT_EQ(shell().truncate("/a", 9'000), 0);
    EXPECT_EQ(shell().cat("/a"), pattern(10'000).substr(0, 5'001) + std::string(3'999, '\0'));
    store.reopen();
    EXPECT_EQ(shell().cat("/a"), pattern(10'000).substr(0, 5'001) + std::string(3'999, '\0'));
  }
}

TEST_F(Contents, AReadBehindTheEndIsEmptyAndOneAcrossItIsShort) {
  ASSERT_EQ(shell().put("/a", "0123456789"), 0);
  EXPECT_EQ(read("/a", 10, 5), "");
  EXPECT_EQ(read("/a", 1'000'000, 5), "");
  EXPECT_EQ(read("/a", 7, 5), "789");
  EXPECT_EQ(read("/a", 3, 0), "");
}

TEST_F(Contents, AWriteBehindTheLimitIsEfbigAndChangesNothing) {
  ASSERT_EQ(shell().put("/a", "x"), 0);
  EXPECT_EQ(shell().write_at("/a", engine::kFileBytesMax, "y"), EFBIG);
  EXPECT_EQ(shell().write_at("/a", engine::kFileBytesMax - 1, "yz"), EFBIG);
  EXPECT_EQ(shell().truncate("/a", engine::kFileBytesMax + 1), EFBIG);
  EXPECT_EQ(shell().cat("/a"), "x");
  // The last byte there can be.
  EXPECT_EQ(shell().write_at("/a", engine::kFileBytesMax - 1, "z"), 0);
  ASSERT_EQ(shell().fsync("/a"), 0);
  EXPECT_EQ(shell().stat("/a")->size, engine::kFileBytesMax);
  EXPECT_EQ(read("/a", engine::kFileBytesMax - 1, 100), "z");
  EXPECT_EQ(shell().truncate("/a", 1), 0);
  EXPECT_EQ(shell().cat("/a"), "x");
}

TEST_F(Contents, AZeroLengthWriteChangesNothing) {
  ASSERT_EQ(shell().put("/a", "x"), 0);
  const std::string before = describe(*shell().stat("/a"));
  store.clock->advance_ms(1000);
  EXPECT_EQ(shell().write_at("/a", 100, ""), 0);
  EXPECT_EQ(describe(*shell().stat("/a")), before);
}

TEST_F(Contents, OnlyRegularFilesAreReadAndWritten) {
  ASSERT_EQ(shell().mkdir("/d"), 0);
  EXPECT_EQ(shell().append("/d", "x"), EISDIR);
  EXPECT_EQ(shell().truncate("/d", 0), EISDIR);
  EXPECT_EQ(shell().read("/d").code(), EISDIR);
  EXPECT_EQ(store->open({}, shell().inode("/d"), {.write = true}).code(), EISDIR);
}

TEST_F(Contents, TheChangeNumberRisesWithEveryChangeOfContents) {
  ASSERT_EQ(shell().put("/a", "x"), 0);
  std::uint64_t last = shell().stat("/a")->change;
  const auto rises = [&] {
    const std::uint64_t now = shell().stat("/a")->change;
    return now > std::exchange(last, now);
  };
  ASSERT_EQ(shell().append("/a", "y"), 0);
  EXPECT_TRUE(rises());
  ASSERT_EQ(shell().write_at("/a", 0, "x"), 0);
  EXPECT_TRUE(rises());
  ASSERT_EQ(shell().truncate("/a", 2), 0);
  EXPECT_TRUE(rises());
  store.reopen();
  EXPECT_EQ(shell().stat("/a")->change, last);
  ASSERT_EQ(shell().append("/a", "z"), 0);
  EXPECT_TRUE(rises());
}

// --- appends ---

TEST_F(Contents, AppendsOfSeveralThreadsLoseNothingAndMixNothing) {
  constexpr int kThreads = 6;
  constexpr int kRecords = 200;
  constexpr std::size_t kRecordBytes = 16;
  ASSERT_EQ(shell().put("/log", ""), 0);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < kRecords; ++i) {
        std::string record = std::to_string(thread) + " " + std::to_string(i);
        record.resize(kRecordBytes, '.');
        EXPECT_EQ(shell().append("/log", record), 0);
        if (i % 50 == 49) {
          EXPECT_EQ(shell().fsync("/log"), 0);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::string log = shell().cat("/log");
  ASSERT_EQ(log.size(), kThreads * kRecords * kRecordBytes);
  std::set<std::string> records;
  for (std::size_t at = 0; at < log.size(); at += kRecordBytes) records.insert(log.substr(at, kRecordBytes));
  EXPECT_EQ(records.size(), static_cast<std::size_t>(kThreads * kRecords));
  for (const std::string& record : records) EXPECT_NE(record.find(' '), std::string::npos) << record;
  store.reopen();
  EXPECT_EQ(shell().cat("/log"), log);
}

// --- many small writes ---

TEST_F(Contents, AThousandFsyncedAppendsKeepTheExtentsBounded) {
  ASSERT_EQ(shell().put("/log", ""), 0);
  std::string all;
  for (int i = 0; i < 1000; ++i) {
    const std::string line = "line " + std::to_string(i) + "\n";
    all += line;
    ASSERT_EQ(shell().append("/log", line), 0);
    ASSERT_EQ(shell().fsync("/log"), 0);
  }
  EXPECT_EQ(shell().cat("/log"), all);
  EXPECT_LE(extents("/log"), 64u);
  EXPECT_EQ(shell().cat("/log"), all);
}

TEST_F(Contents, AThousandSmallOverwritesKeepTheExtentsBounded) {
  std::string bytes = pattern(100'000);
  ASSERT_EQ(shell().put("/a", bytes), 0);
  Random dice(1);
  for (int i = 0; i < 1000; ++i) {
    const std::string patch = dice.bytes(1 + dice.below(200));
    const std::size_t at = dice.below(bytes.size() - patch.size());
    bytes.replace(at, patch.size(), patch);
    ASSERT_EQ(shell().write_at("/a", at, patch), 0);
    if (i % 3 == 0) {
      ASSERT_EQ(shell().fsync("/a"), 0);
    }
  }
  EXPECT_EQ(shell().cat("/a"), bytes);
  EXPECT_LE(extents("/a"), 128u);
  EXPECT_EQ(shell().cat("/a"), bytes);
}

TEST_F(Contents, ManySmallWritesBecomeFewNeedles) {
  ASSERT_EQ(shell().put("/a", ""), 0);
  const std::uint64_t before = store->statistics().writer.needles;
  std::string all;
  for (int i = 0; i < 500; ++i) {
    all += pattern(100);
    ASSERT_EQ(shell().append("/a", pattern(100)), 0);
  }
  ASSERT_EQ(shell().fsync("/a"), 0);
  EXPECT_LE(store->statistics().writer.needles - before, 8u);
  EXPECT_EQ(shell().cat("/a"), all);
}

}  // namespace
}  // namespace ciaos::test
