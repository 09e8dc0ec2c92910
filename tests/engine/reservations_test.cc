// Ranges that room is held for: fallocate without punching or zeroing (S1, S4, S5, P14).
#include <gtest/gtest.h>
#include <linux/fs.h>
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

constexpr std::uint64_t kPage = 4096;

class Reservations : public EngineTest {
 protected:
  explicit Reservations(const StoreShape& shape = {.volumes = 24}) : EngineTest(shape) {}

  int reserve(std::string_view path, std::uint64_t offset, std::uint64_t length, bool keep_size = false) {
    return store
        ->change_range(
            shell().inode(path),
            {.kind = RangeKind::reserve, .offset = offset, .length = length, .keep_size = keep_size})
        .code();
  }
  int punch(std::string_view path, std::uint64_t offset, std::uint64_t length) {
    return store
        ->change_range(shell().inode(path), {.kind = RangeKind::punch, .offset = offset, .length = length})
        .code();
  }
  std::uint64_t blocks(std::string_view path) { return shell().stat(path)->blocks512; }
  std::uint64_t free_bytes() { return store->statfs().bytes_free; }
  // Until nothing of any size has room.
  void fill() {
    ASSERT_EQ(shell().mkdir("/full"), 0);
    int files = 0;
    for (const std::size_t bytes : {std::size_t{500'000}, std::size_t{20'000}, std::size_t{1}}) {
      do {
        ASSERT_LT(++files, 20'000);
      } while (shell().put("/full/" + std::to_string(files), Random(files).bytes(bytes)) == 0);
    }
    ASSERT_EQ(store->commit().code(), 0);
  }
};

TEST_F(Reservations, ReadAsZerosCountAsBlocksAndAreHolesToLseek) {
  ASSERT_EQ(shell().put("/f", "data"), 0);
  ASSERT_EQ(reserve("/f", 2, 3'000'000), 0);
  for (const bool stored : {false, true}) {
    if (stored) store.reopen();
    EXPECT_EQ(shell().stat("/f")->size, 3'000'002u);
    EXPECT_EQ(blocks("/f"), (3'000'002u + 511) / 512);
    EXPECT_EQ(shell().cat("/f"), "data" + std::string(3'000'002 - 4, '\0'));
    const InodeId f = shell().inode("/f");
    EXPECT_EQ(*store->seek(f, 0, SeekTo::hole), 4u);
    EXPECT_EQ(store->seek(f, 4, SeekTo::data).code(), ENXIO);
  }
  ASSERT_EQ(shell().write_at("/f", 2'500'000, "x"), 0);
  ASSERT_EQ(shell().fsync("/f"), 0);
  EXPECT_EQ(*store->seek(shell().inode("/f"), 4, SeekTo::data), 2'500'000u);
  EXPECT_EQ(blocks("/f"), (3'000'002u + 511) / 512) << "a byte that was reserved counts once";
}

TEST_F(Reservations, KeepTheSizeWhenAskedTo) {
  ASSERT_EQ(shell().put("/f", "data"), 0);
  ASSERT_EQ(reserve("/f", 0, 100'000, /*keep_size=*/true), 0);
  EXPECT_EQ(shell().stat("/f")->size, 4u);
  EXPECT_EQ(shell().cat("/f"), "data");
  ASSERT_EQ(store->commit().code(), 0);
  EXPECT_EQ(blocks("/f"), (100'000u + 511) / 512);
  ASSERT_EQ(shell().append("/f", "more"), 0);
  ASSERT_EQ(shell().fsync("/f"), 0);
  EXPECT_EQ(blocks("/f"), (100'000u + 511) / 512);
  // A truncation to the size that a file has gives back what lies behind it, as on ext4.
  ASSERT_EQ(shell().truncate("/f", 8), 0);
  EXPECT_EQ(blocks("/f"), 1u);
}

TEST_F(Reservations, OnWhatIsWrittenChangeNothing) {
  ASSERT_EQ(shell().put("/f", pattern(100'000)), 0);
  ASSERT_EQ(shell().fsync("/f"), 0);
  const std::uint64_t before = free_bytes();
  ASSERT_EQ(reserve("/f", 0, 100'000), 0);
  EXPECT_EQ(free_bytes(), before);
  EXPECT_EQ(shell().cat("/f"), pattern(100'000));
}

// One written page, one hole, and so on: more than one step of them.
TEST_F(Reservations, FillEveryHoleOfAFileOfManyPieces) {
  ASSERT_EQ(shell().put("/f", ""), 0);
  const InodeId f = shell().inode("/f");
  std::string expected(10'000, '\0');
  for (std::size_t i = 0; i < 5'000; ++i) {
    ASSERT_TRUE(store->write(f, i * 2, as_bytes("x"), {}).ok());
    expected[i * 2] = 'x';
  }
  ASSERT_EQ(shell().fsync("/f"), 0);
  ASSERT_EQ(reserve("/f", 0, 10'000), 0);
  EXPECT_EQ(blocks("/f"), (10'000u + 511) / 512);
  EXPECT_EQ(shell().stat("/f")->size, 10'000u);
  EXPECT_TRUE(shell().cat("/f") == expected);
  store.reopen();
  EXPECT_EQ(blocks("/f"), (10'000u + 511) / 512);
  EXPECT_TRUE(shell().cat("/f") == expected);
}

// S5.
TEST_F(Reservations, OnAFullStoreEveryReservedPageCanBeWrittenAndSynced) {
  constexpr std::size_t kPages = 256;
  ASSERT_EQ(shell().put("/f", ""), 0);
  ASSERT_EQ(reserve("/f", 0, kPages * kPage), 0);
  ASSERT_EQ(shell().fsync("/f"), 0);
  fill();
  std::vector<std::size_t> order(kPages);
  for (std::size_t i = 0; i < kPages; ++i) order[i] = i;
  Random random(7);
  for (std::size_t i = kPages; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  std::string expected(kPages * kPage, '\0');
  for (std::size_t i = 0; i < kPages; ++i) {
    if (i == kPages / 3) store.reopen();
    if (i == kPages / 2) kill_and_open();
    const std::string page = random.bytes(kPage);
    ASSERT_EQ(shell().write_at("/f", order[i] * kPage, page), 0) << "page " << i;
    ASSERT_EQ(shell().fsync("/f"), 0) << "page " << i;
    expected.replace(order[i] * kPage, kPage, page);
  }
  EXPECT_TRUE(shell().cat("/f") == expected);
}

TEST_F(Reservations, OnAFullStoreALogThatIsAppendedToFillsWhatIsReserved) {
  constexpr std::size_t kRecord = 4500;
  constexpr std::size_t kRecords = 60;
  ASSERT_EQ(shell().put("/log", ""), 0);
  ASSERT_EQ(reserve("/log", 0, kRecords * kRecord, /*keep_size=*/true), 0);
  fill();
  for (std::size_t i = 0; i < kRecords; ++i) {
    ASSERT_EQ(shell().append("/log", std::string(kRecord, static_cast<char>('a' + i % 26))), 0) << i;
    ASSERT_EQ(shell().fsync("/log"), 0) << i;
  }
  EXPECT_EQ(shell().stat("/log")->size, kRecords * kRecord);
}

TEST_F(Reservations, OnAFullStoreAWriteThatReachesBeyondBecomesAShortOne) {
  ASSERT_EQ(shell().put("/f", ""), 0);
  ASSERT_EQ(reserve("/f", 0, 300'000), 0);
  fill();
  const std::string bytes = Random(3).bytes(400'000);
  const auto written = store->write(shell().inode("/f"), 0, as_bytes(bytes), {});
  ASSERT_TRUE(written.ok()) << to_string(written.error());
  EXPECT_EQ(*written, 300'000u);
  EXPECT_EQ(store->write(shell().inode("/f"), 300'000, as_bytes(bytes), {}).code(), ENOSPC);
}

TEST_F(Reservations, MoreThanThereIsAreRefusedAndChangeNothing) {
  ASSERT_EQ(shell().put("/f", "data"), 0);
  ASSERT_EQ(store->commit().code(), 0);
  const std::string before = describe(*shell().stat("/f"));
  const std::uint64_t free = free_bytes();
  EXPECT_EQ(reserve("/f", 0, free), ENOSPC) << "small pieces take more than their bytes";
  EXPECT_EQ(reserve("/f", 0, std::uint64_t{1} << 60), ENOSPC);
  EXPECT_EQ(reserve("/f", 0, engine::kFileBytesMax), ENOSPC);
  EXPECT_EQ(reserve("/f", 1, engine::kFileBytesMax), EFBIG);
  EXPECT_EQ(describe(*shell().stat("/f")), before);
  EXPECT_EQ(free_bytes(), free);
}

TEST_F(Reservations, AreTakenOutOfWhatGarbageHolds) {
  // All room was written once, and nearly all of it is garbage.
  for (int i = 0; i < 30; ++i) {
    ASSERT_EQ(shell().put("/a", Random(i).bytes(900'000)), 0) << i;
    ASSERT_EQ(shell().fsync("/a"), 0);
  }
  ASSERT_EQ(shell().put("/f", ""), 0);
  EXPECT_EQ(reserve("/f", 0, 4'000'000), 0);
}

// Each way in which room comes back, seen at once and after a crash.
TEST_F(Reservations, AreGivenBackByWhateverRemovesThem) {
  ASSERT_EQ(shell().put("/keep", "k"), 0);
  ASSERT_EQ(store->commit().code(), 0);
  const std::uint64_t slack = 200'000;  // records and padding
  const std::uint64_t before = free_bytes();
  const auto expect_free = [&](const char* what) {
    EXPECT_GE(free_bytes() + slack, before) << what;
    ASSERT_EQ(store->commit().code(), 0);
    kill_and_open();
    EXPECT_GE(free_bytes() + slack, before) << what << ", after a crash";
  };
  const auto take = [&] {
    ASSERT_EQ(shell().put("/f", ""), 0);
    ASSERT_EQ(reserve("/f", 0, 2'000'000), 0);
    ASSERT_EQ(shell().fsync("/f"), 0);
    EXPECT_LE(free_bytes(), before - 2'000'000);
    kill_and_open();
    EXPECT_LE(free_bytes(), before - 2'000'000) << "a crash keeps what is held";
  };
  take();
  ASSERT_EQ(shell().truncate("/f", 0), 0);
  expect_free("truncate");
  take();
  ASSERT_EQ(punch("/f", 0, 2'000'000), 0);
  expect_free("punch");
  take();
  ASSERT_EQ(shell().rm("/f"), 0);
  expect_free("unlink");
}

TEST_F(Reservations, AreNotCopied) {
  ASSERT_EQ(shell().put("/from", pattern(1000)), 0);
  ASSERT_EQ(reserve("/from", 1000, 1'000'000), 0);
  ASSERT_EQ(shell().put("/to", pattern(500'000)), 0);
  const engine::CloneRange range{
      .from = shell().inode("/from"), .to = shell().inode("/to"), .length = 1'001'000};
  ASSERT_EQ(*store->clone_range(range), 1'001'000u);
  EXPECT_EQ(blocks("/to"), 2u);
  EXPECT_EQ(shell().cat("/to"), pattern(1000) + std::string(1'000'000, '\0'));
}

TEST_F(Reservations, OutliveCompactionSnapshotsAndALostIndex) {
  ASSERT_EQ(shell().put("/f", ""), 0);
  ASSERT_EQ(reserve("/f", 0, 1'500'000), 0);
  for (int i = 0; i < 12; ++i) {
    ASSERT_EQ(shell().put("/garbage", Random(i).bytes(700'000)), 0);
    ASSERT_EQ(shell().write_at("/f", static_cast<std::uint64_t>(i) * 100'000, pattern(5000)), 0);
    ASSERT_EQ(store->commit().code(), 0);
  }
  while (*store->compact(/*pressed=*/true)) {
  }
  ASSERT_EQ(store->snapshot().code(), 0);
  const std::string contents = shell().cat("/f");
  ASSERT_EQ(store.close().code(), 0);
  store.put_index({});
  store.open();
  EXPECT_EQ(shell().cat("/f"), contents);
  EXPECT_EQ(blocks("/f"), (1'500'000u + 511) / 512);
  EXPECT_LE(free_bytes(), store->statfs().bytes_total - (1'500'000 - 60'000) * 9 / 4);
}

TEST_F(Reservations, ObeyFlagsAndTypes) {
  ASSERT_EQ(shell().put("/f", "data"), 0);
  ASSERT_EQ(shell().mkdir("/d"), 0);
  EXPECT_EQ(reserve("/d", 0, 10), EISDIR);
  EXPECT_EQ(store->change_range(shell().inode("/f"), {.kind = RangeKind::reserve}).code(), EINVAL);
  const InodeId f = shell().inode("/f");
  ASSERT_TRUE(store->set_flags({}, f, FS_APPEND_FL).ok());
  EXPECT_EQ(reserve("/f", 0, 10'000), 0) << "as on ext4: what is reserved changes no byte";
  ASSERT_TRUE(store->set_flags({}, f, FS_IMMUTABLE_FL).ok());
  EXPECT_EQ(reserve("/f", 0, 20'000), EPERM);
}

TEST_F(Reservations, ChangeTimesAndClearSetIdLikeWrites) {
  ASSERT_EQ(shell().put("/f", "data"), 0);
  ASSERT_EQ(shell().chmod("/f", 04755), 0);
  store.clock->advance_ms(1000);
  const engine::Attributes before = *shell().stat("/f");
  const RangeChange change{
      .kind = RangeKind::reserve, .offset = 0, .length = 9, .keep_size = true, .clears_set_id = true};
  ASSERT_TRUE(store->change_range(shell().inode("/f"), change).ok());
  const engine::Attributes after = *shell().stat("/f");
  EXPECT_EQ(after.mode & 07777, 0755u);
  EXPECT_LT(before.modified, after.modified);
  EXPECT_LT(before.changed, after.changed);
  EXPECT_EQ(after.size, 4u);
}

}  // namespace
}  // namespace ciaos::test
