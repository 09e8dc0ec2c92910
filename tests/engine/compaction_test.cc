// Garbage inside volumes that also hold live data: it comes back, and nobody notices but df (invariants 2, 3, 8).
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/victims.h"
#include "store/format.h"
#include "support/directory_store.h"
#include "support/engine_fixture.h"
#include "support/random.h"

namespace ciaos::test {
namespace {

constexpr StoreShape kSmall{.volumes = 24};

class Compacting : public EngineTest {
 protected:
  Compacting() : EngineTest(kSmall) {}

  static std::string contents_of(int file) {
    return Random(static_cast<std::uint64_t>(file))
        .bytes(3000 + static_cast<std::size_t>(file) * 7919 % 40'000);
  }
  static std::string path_of(int file) { return "/" + std::to_string(file); }

  void fill(int files) {
    for (int file = 0; file < files; ++file)
      ASSERT_EQ(shell().put(path_of(file), contents_of(file)), 0) << file;
    ASSERT_EQ(store->commit().code(), 0);
  }
  void expect_files(int files, int every) {
    for (int file = 0; file < files; file += every) {
      ASSERT_TRUE(shell().cat(path_of(file)) == contents_of(file)) << file;
    }
  }
  // All files but each `kept`-th.
  void remove_but(int files, int kept) {
    for (int file = 0; file < files; ++file) {
      if (file % kept != 0) ASSERT_EQ(shell().rm(path_of(file)), 0);
    }
    ASSERT_EQ(store->commit().code(), 0);
  }
  int compact_all(bool pressed = false) {
    int steps = 0;
    for (bool more = true; more; ++steps) {
      const auto step = store->compact(pressed);
      EXPECT_TRUE(step.ok()) << to_string(step.error());
      more = step.ok() && *step;
      if (steps == 1000) ADD_FAILURE() << "compaction does not end";
      if (steps == 1000) break;
    }
    return steps - 1;
  }
};

TEST_F(Compacting, DeletingNineOfTenFilesGivesTheSpaceBackAndKeepsTheTenth) {
  fill(500);
  const std::uint64_t free_before = store->statfs().bytes_free;
  remove_but(500, 10);
  EXPECT_GT(compact_all(), 3);
  const engine::Statistics statistics = store->statistics();
  EXPECT_GT(statistics.compaction.volumes_emptied, 3u);
  EXPECT_GT(statistics.volumes_freed, 3u);
  // Nine tenths of 11.5 MB, but for the volume in which moving ended.
  EXPECT_GT(store->statfs().bytes_free, free_before + (7u << 20));
  expect_files(500, 10);
  store.reopen();
  expect_files(500, 10);
  store.kill();
  store.put_index({});
  store.open();
  EXPECT_TRUE(store->statistics().index_rebuilt);
  expect_files(500, 10);
}

TEST_F(Compacting, MovingChangesNothingThatUsersSee) {
  fill(300);
  remove_but(300, 3);
  const FileTree before = tree();
  EXPECT_GT(compact_all(), 0);
  EXPECT_EQ(tree(), before);
  kill_and_open();
  EXPECT_EQ(tree(), before);
}

TEST_F(Compacting, GarbageThatIsNotWorthItIsLeft) {
  fill(300);
  EXPECT_EQ(compact_all(), 0);
  ASSERT_EQ(shell().rm(path_of(7)), 0);
  EXPECT_EQ(compact_all(), 0);
  EXPECT_EQ(store->statistics().compaction.moved_bytes, 0u);
}

TEST_F(Compacting, AFullStoreWithGarbageIsNotFull) {
  int files = 0;
  while (shell().put(path_of(files), contents_of(files)) == 0) ++files;
  ASSERT_GT(files, 500);
  remove_but(files, 2);
  // Every volume is half full of live data, so without moving there is no room for any of these.
  const int more = files + files / 3;
  for (int file = files; file < more; ++file)
    ASSERT_EQ(shell().put(path_of(file), contents_of(file)), 0) << file;
  ASSERT_EQ(store->commit().code(), 0);
  EXPECT_GT(store->statistics().compaction.volumes_emptied, 0u);
  expect_files(files, 2);
  for (int file = files; file < more; ++file) ASSERT_TRUE(shell().cat(path_of(file)) == contents_of(file));
  store.reopen();
  expect_files(files, 2);
}

TEST_F(Compacting, OverwritingPiecesForEverDoesNotFillTheStore) {
  const std::string base = Random(1).bytes(6'000'000);
  std::string model = base;
  ASSERT_EQ(shell().put("/f", base), 0);
  Random random(2);
  for (int i = 0; i < 3000; ++i) {
    const std::uint64_t at = random.below(model.size() - 20'000);
    const std::string piece = random.bytes(1 + random.below(20'000));
    ASSERT_EQ(shell().write_at("/f", at, piece), 0) << i;
    model.replace(at, piece.size(), piece);
    if (i % 20 == 0) ASSERT_EQ(store->commit().code(), 0);
  }
  EXPECT_TRUE(shell().cat("/f") == model);
  store.reopen();
  EXPECT_TRUE(shell().cat("/f") == model);
}

TEST_F(Compacting, ReadersAndWritersGoOnMeanwhile) {
  store.kill();
  store.options.background = true;
  store.options.compact_bytes_per_second = 1ull << 40;
  store.open();
  constexpr int kFiles = 400;
  fill(kFiles);
  std::atomic<bool> stop = false;
  std::atomic<int> wrong = 0;
  std::atomic<int> reads = 0;
  std::vector<std::thread> readers;
  for (int reader = 0; reader < 2; ++reader) {
    readers.emplace_back([&, reader] {
      Random random(static_cast<std::uint64_t>(reader));
      while (!stop) {
        const int file = static_cast<int>(random.below(kFiles / 4)) * 4;
        if (shell().cat(path_of(file)) != contents_of(file)) ++wrong;
        ++reads;
      }
    });
  }
  for (int round = 0; round < 6; ++round) {
    for (int file = 0; file < kFiles; ++file) {
      if (file % 4 != 0) ASSERT_EQ(shell().put(path_of(file), contents_of(file + round)), 0);
    }
    ASSERT_EQ(store->commit().code(), 0);
    compact_all(/*pressed=*/true);
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(reads, 0);
  EXPECT_GT(store->statistics().compaction.volumes_emptied, 0u);
  expect_files(kFiles, 4);
}

TEST_F(Compacting, WhatCannotBeReadStaysWhereItIs) {
  fill(200);
  remove_but(200, 4);
  const std::string victim = contents_of(100).substr(0, 64);
  const ByteVector bytes = store.device_bytes();
  const std::size_t at = as_text(bytes).find(victim);
  ASSERT_NE(at, std::string_view::npos);
  store::IoBuffer block(4096);
  const std::uint64_t begin = at / 4096 * 4096;
  ASSERT_TRUE(store.device().read(begin, block.span()).ok());
  block.data()[at - begin] ^= std::byte{1};
  ASSERT_TRUE(store.device().write(begin, block.span()).ok());

  compact_all(/*pressed=*/true);
  EXPECT_EQ(shell().read("/100").code(), EUCLEAN);
  for (int file = 0; file < 200; file += 4) {
    if (file != 100) ASSERT_TRUE(shell().cat(path_of(file)) == contents_of(file)) << file;
  }
  // Were it only the cable: the bytes are still where they were.
  block.data()[at - begin] ^= std::byte{1};
  ASSERT_TRUE(store.device().write(begin, block.span()).ok());
  expect_files(200, 4);
}

class Punching : public DirectoryStoreTest {};

TEST_F(Punching, LargeDeadContentsGoWithoutMovingWhatLivesBesideThem) {
  constexpr std::uint64_t kFiles = 120;
  const auto contents = [](std::uint64_t file) { return Random(file).bytes(300'000); };
  const auto path = [](std::uint64_t file) { return "/" + std::to_string(file); };
  for (std::uint64_t file = 0; file < kFiles; ++file) {
    ASSERT_EQ(Shell(*engine_).put(path(file), contents(file)), 0);
  }
  ASSERT_TRUE(engine_->commit().ok());
  const std::uint64_t before = allocated();
  for (std::uint64_t file = 0; file < kFiles; ++file) {
    if (file % 3 != 0) ASSERT_EQ(Shell(*engine_).rm(path(file)), 0);
  }
  const auto stepped = engine_->compact(/*pressed=*/false);
  ASSERT_TRUE(stepped.ok()) << to_string(stepped.error());
  const engine::CompactionStats stats = engine_->statistics().compaction;
  // Two thirds of what lies in sealed volumes.
  EXPECT_GT(stats.punched_bytes, kFiles * 300'000 / 2);
  EXPECT_EQ(stats.moved_bytes, 0u);
  EXPECT_LT(allocated(), before - kFiles * 300'000 / 2 + kVolumeBytes);
  const auto expect_kept_files = [&] {
    for (std::uint64_t file = 0; file < kFiles; file += 3) {
      ASSERT_TRUE(Shell(*engine_).cat(path(file)) == contents(file)) << file;
    }
  };
  expect_kept_files();
  // The log is read over the holes.
  engine_.reset();
  std::filesystem::remove_all(directory_.path() + "/index");
  open();
  expect_kept_files();
}

engine::VolumeFill fill_of(std::uint64_t held, std::uint64_t live, std::uint64_t extents) {
  return {.usage = {.volume = VolumeId(1), .row = {}, .extents = extents, .bytes = live}, .held_bytes = held};
}

TEST(Victims, TheOneWithTheMostGarbageGoesFirst) {
  constexpr std::uint64_t kVolume = 64u << 20;
  const std::vector<engine::VolumeFill> volumes{
      fill_of(kVolume, 50u << 20, 100), fill_of(kVolume, 10u << 20, 100), fill_of(kVolume, 30u << 20, 100)};
  EXPECT_EQ(choose_victim(volumes, kVolume, 90u << 20, engine::Pressure::none), 1u);
}

TEST(Victims, PunchedVolumesAreNotEmptiedForWhatTheyNoLongerHold) {
  constexpr std::uint64_t kVolume = 64u << 20;
  const std::vector<engine::VolumeFill> volumes{fill_of(12u << 20, 11u << 20, 100),
                                                fill_of(kVolume, 60u << 20, 100)};
  EXPECT_EQ(choose_victim(volumes, kVolume, 71u << 20, engine::Pressure::none), std::nullopt);
  EXPECT_EQ(choose_victim(volumes, kVolume, 71u << 20, engine::Pressure::full), 1u);
}

TEST(Victims, WhatMovesNeverNeedsMoreThanWasSaid) {
  Random random(3);
  for (int i = 0; i < 1000; ++i) {
    std::uint64_t bytes = 0, bound = 0;
    const std::uint64_t needles = 1 + random.below(200);
    for (std::uint64_t needle = 0; needle < needles; ++needle) {
      const std::uint64_t length = 1 + random.below(random.chance(50) ? 100 : 300'000);
      bytes += length;
      bound += store::needle_bytes_bound(length);
    }
    ASSERT_GE(fill_of(1u << 30, bytes, needles).needed_bytes(), bound) << i;
  }
}

}  // namespace
}  // namespace ciaos::test
