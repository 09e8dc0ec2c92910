// Holes: lseek finds them, fallocate makes them (S4, P4, P6, P13, P14).
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support/engine_fixture.h"
#include "support/random.h"

namespace ciaos::test {
namespace {

using engine::RangeChange;
using engine::RangeKind;
using engine::SeekTo;

constexpr std::size_t kMore = 5000;  // extents than are kept in memory or changed in one step

class Ranges : public EngineTest {
 protected:
  explicit Ranges(const StoreShape& shape = {.volume_bytes = 4u << 20}) : EngineTest(shape) {}

  // The position, or minus the errno.
  std::int64_t seek(std::string_view path, std::uint64_t offset, SeekTo what) {
    const auto found = store->seek(shell().inode(path), offset, what);
    return found.ok() ? static_cast<std::int64_t>(*found) : -static_cast<std::int64_t>(found.code());
  }
  std::int64_t data(std::string_view path, std::uint64_t offset) { return seek(path, offset, SeekTo::data); }
  std::int64_t hole(std::string_view path, std::uint64_t offset) { return seek(path, offset, SeekTo::hole); }

  int change(std::string_view path, const RangeChange& change) {
    return store->change_range(shell().inode(path), change).code();
  }
  int punch(std::string_view path, std::uint64_t offset, std::uint64_t length) {
    return change(path, {.kind = RangeKind::punch, .offset = offset, .length = length});
  }
  int zero(std::string_view path, std::uint64_t offset, std::uint64_t length, bool keep_size) {
    return change(path,
                  {.kind = RangeKind::zero, .offset = offset, .length = length, .keep_size = keep_size});
  }
  // A byte, a hole of a byte, and so on: as many extents as there are bytes.
  void scatter(std::string_view path, std::size_t count) {
    ASSERT_EQ(shell().put(path, ""), 0);
    const InodeId inode = shell().inode(path);
    for (std::size_t i = 0; i < count; ++i) ASSERT_TRUE(store->write(inode, i * 2, as_bytes("x"), {}).ok());
    ASSERT_EQ(shell().fsync(path), 0);
  }
};

// --- lseek ---

TEST_F(Ranges, DataAndHolesAreFoundInBuffersAndOnTheStore) {
  ASSERT_EQ(shell().put("/f", ""), 0);
  ASSERT_EQ(shell().write_at("/f", 1000, pattern(500)), 0);
  ASSERT_EQ(shell().write_at("/f", 1500, pattern(500)), 0);
  ASSERT_EQ(shell().write_at("/f", 10'000, pattern(1)), 0);
  ASSERT_EQ(shell().truncate("/f", 20'000), 0);
  for (const bool stored : {false, true}) {
    if (stored) store.reopen();
    EXPECT_EQ(data("/f", 0), 1000);
    EXPECT_EQ(data("/f", 1200), 1200);
    EXPECT_EQ(data("/f", 2000), 10'000);
    EXPECT_EQ(data("/f", 10'001), -ENXIO);
    EXPECT_EQ(hole("/f", 0), 0);
    EXPECT_EQ(hole("/f", 1000), 2000);
    EXPECT_EQ(hole("/f", 10'000), 10'001);
    EXPECT_EQ(hole("/f", 19'999), 19'999);
  }
  // What lies half in needles and half in the buffer is one piece of data.
  ASSERT_EQ(shell().write_at("/f", 1900, pattern(300)), 0);
  EXPECT_EQ(hole("/f", 1000), 2200);
}

TEST_F(Ranges, TheEndOfAFileIsAHoleAndBehindItIsNothing) {
  ASSERT_EQ(shell().put("/f", pattern(100)), 0);
  EXPECT_EQ(hole("/f", 0), 100);
  EXPECT_EQ(data("/f", 99), 99);
  EXPECT_EQ(data("/f", 100), -ENXIO);
  EXPECT_EQ(hole("/f", 100), -ENXIO);
  EXPECT_EQ(hole("/f", ~0ull), -ENXIO);
  ASSERT_EQ(shell().put("/empty", ""), 0);
  EXPECT_EQ(hole("/empty", 0), -ENXIO);
  ASSERT_EQ(shell().mkdir("/d"), 0);
  EXPECT_EQ(hole("/d", 0), -EISDIR);
}

TEST_F(Ranges, FilesWithMoreExtentsThanMemoryKeepsAreSearchedToo) {
  ASSERT_NO_FATAL_FAILURE(scatter("/f", kMore));
  store.reopen();
  EXPECT_EQ(data("/f", 2 * 4999 - 1), 2 * 4999);
  EXPECT_EQ(hole("/f", 2 * 4998), 2 * 4998 + 1);
  ASSERT_EQ(shell().write_at("/f", 0, pattern(2 * kMore)), 0);
  ASSERT_EQ(shell().write_at("/f", 2 * kMore + 1, "x"), 0);
  EXPECT_EQ(hole("/f", 1), static_cast<std::int64_t>(2 * kMore));
}

// --- fallocate ---

TEST_F(Ranges, APunchedRangeIsZerosAndAHoleAndCostsNothing) {
  for (const bool stored : {false, true}) {
    std::string expected = pattern(100'000);
    ASSERT_EQ(shell().put("/f", expected), 0);
    if (stored) store.reopen();
    const std::uint64_t change = shell().stat("/f")->change;
    store.clock->advance_ms(10);
    ASSERT_EQ(punch("/f", 10'001, 50'000), 0);
    std::fill_n(expected.begin() + 10'001, 50'000, '\0');
    EXPECT_EQ(shell().cat("/f"), expected);
    EXPECT_EQ(hole("/f", 0), 10'001);
    EXPECT_EQ(data("/f", 10'001), 60'001);
    EXPECT_EQ(shell().stat("/f")->modified, store.clock->now());
    EXPECT_EQ(shell().stat("/f")->changed, store.clock->now());
    EXPECT_GT(shell().stat("/f")->change, change);
    store.reopen();
    EXPECT_EQ(shell().cat("/f"), expected);
    EXPECT_EQ(shell().stat("/f")->blocks512, (50'000u + 511) / 512);
  }
}

TEST_F(Ranges, APunchBehindTheEndChangesNoSizeAndZeroRangeMay) {
  ASSERT_EQ(shell().put("/f", pattern(1000)), 0);
  ASSERT_EQ(punch("/f", 900, 5000), 0);
  EXPECT_EQ(shell().stat("/f")->size, 1000u);
  ASSERT_EQ(zero("/f", 800, 5000, /*keep_size=*/true), 0);
  EXPECT_EQ(shell().stat("/f")->size, 1000u);
  ASSERT_EQ(zero("/f", 700, 5000, /*keep_size=*/false), 0);
  EXPECT_EQ(shell().stat("/f")->size, 5700u);
  EXPECT_EQ(shell().cat("/f"), pattern(700) + std::string(5000, '\0'));
}

TEST_F(Ranges, BytesOnTheirWayToTheStoreCountAsStored) {
  ASSERT_EQ(shell().put("/f", ""), 0);
  ASSERT_EQ(shell().write_at("/f", 100'000, pattern(5120)), 0);
  EXPECT_EQ(shell().stat("/f")->blocks512, 10u);
  ASSERT_EQ(shell().fsync("/f"), 0);
  EXPECT_EQ(shell().stat("/f")->blocks512, 10u);
  ASSERT_EQ(shell().put("/g", pattern(5120)), 0);
  ASSERT_EQ(shell().fsync("/g"), 0);
  ASSERT_EQ(shell().write_at("/g", 0, pattern(5120)), 0);
  EXPECT_EQ(shell().stat("/g")->blocks512, 10u);
}

TEST_F(Ranges, RangesThatNoFileCanHaveAreRefused) {
  ASSERT_EQ(shell().put("/f", pattern(10)), 0);
  EXPECT_EQ(punch("/f", 0, 0), EINVAL);
  EXPECT_EQ(punch("/f", engine::kFileBytesMax, 1), EFBIG);
  EXPECT_EQ(zero("/f", 1, engine::kFileBytesMax, false), EFBIG);
  ASSERT_EQ(zero("/f", 0, engine::kFileBytesMax, true), 0);
  EXPECT_EQ(shell().cat("/f"), std::string(10, '\0'));
  ASSERT_EQ(shell().mkdir("/d"), 0);
  EXPECT_EQ(punch("/d", 0, 1), EISDIR);
  ASSERT_EQ(shell().symlink("f", "/s"), 0);
  EXPECT_EQ(punch("/s", 0, 1), EINVAL);
}

TEST_F(Ranges, SetIdBitsGoAsWithAWrite) {
  ASSERT_EQ(shell().put("/f", pattern(10)), 0);
  ASSERT_EQ(shell().chmod("/f", 06755), 0);
  ASSERT_EQ(punch("/f", 0, 1), 0);
  EXPECT_EQ(shell().stat("/f")->mode & 07777, 06755u);
  ASSERT_EQ(change("/f", {.offset = 0, .length = 1, .clears_set_id = true}), 0);
  EXPECT_EQ(shell().stat("/f")->mode & 07777, 0755u);
}

TEST_F(Ranges, ALongPunchTakesSeveralSteps) {
  ASSERT_NO_FATAL_FAILURE(scatter("/f", kMore));
  ASSERT_EQ(shell().append("/f", "the end"), 0);
  ASSERT_EQ(punch("/f", 1, 2 * kMore - 2), 0);
  EXPECT_EQ(shell().cat("/f"), "x" + std::string(2 * kMore - 2, '\0') + "the end");
  EXPECT_EQ(data("/f", 1), static_cast<std::int64_t>(2 * kMore - 1));
  store.reopen();
  EXPECT_EQ(shell().stat("/f")->blocks512, 1u);
}

TEST_F(Ranges, AFullStoreStillPunches) {
  std::size_t bytes = 0;
  ASSERT_EQ(shell().put("/f", ""), 0);
  while (shell().append("/f", pattern(65'536)) == 0) bytes += 65'536;
  ASSERT_GT(bytes, 0u);
  EXPECT_EQ(punch("/f", 1, bytes - 2), 0);
  ASSERT_EQ(shell().fsync("/f"), 0);
  EXPECT_EQ(shell().stat("/f")->blocks512, 1u);
}

// --- all of it ---

TEST_F(Ranges, WhatIsDataAndWhatIsHoleIsWhatTheModelSays) {
  const SeedRange seeds = seeds_to_run(20);
  for (std::uint64_t seed = seeds.begin; seed < seeds.end; ++seed) {
    SCOPED_TRACE("CIAOS_SEED=" + std::to_string(seed));
    Random random(seed);
    const std::string path = "/" + std::to_string(seed);
    constexpr std::size_t kBytes = 3000;
    ASSERT_EQ(shell().put(path, ""), 0);
    ASSERT_EQ(shell().truncate(path, kBytes), 0);
    std::string written(kBytes, '-');
    for (int step = 0; step < 120; ++step) {
      const std::size_t from = random.below(kBytes);
      const std::size_t length = 1 + random.below(std::min<std::size_t>(kBytes - from, 200));
      const bool writes = random.chance(60);
      if (writes) {
        ASSERT_EQ(shell().write_at(path, from, pattern(length)), 0);
      } else {
        ASSERT_EQ(random.chance(50) ? punch(path, from, length) : zero(path, from, length, true), 0);
      }
      std::fill_n(written.begin() + static_cast<std::ptrdiff_t>(from), length, writes ? 'x' : '-');
      if (random.chance(10)) ASSERT_EQ(shell().fsync(path), 0);
      if (random.chance(3)) store.reopen();
      for (int look = 0; look < 5; ++look) {
        const std::size_t at = random.below(kBytes);
        const std::size_t next_data = written.find('x', at);
        const std::size_t next_hole = std::min(written.find('-', at), kBytes);
        ASSERT_EQ(data(path, at),
                  next_data == std::string::npos ? -ENXIO : static_cast<std::int64_t>(next_data));
        ASSERT_EQ(hole(path, at), static_cast<std::int64_t>(next_hole));
      }
    }
  }
}

}  // namespace
}  // namespace ciaos::test
