// Reading while batches are applied, and what reading and keeping rows costs.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "meta/connection.h"
#include "meta/index.h"
#include "meta/index_fixture.h"
#include "meta/index_reader.h"
#include "support/random_changes.h"

namespace ciaos::meta {
namespace {

using test::extent;
using test::file;
using test::IndexTest;

const VolumeId kVolume = make_volume_id(0, 4);

using IndexView = IndexTest;

TEST_F(IndexView, AReaderSeesABatchAsSoonAsItIsApplied) {
  IndexReader view = reader();
  EXPECT_EQ(*view.inode(InodeId(5)), std::nullopt);
  Changes batch;
  batch.inodes[InodeId(5)] = file(1);
  must_apply(batch);
  EXPECT_EQ((*view.inode(InodeId(5)))->size, 1u);
}

TEST_F(IndexView, BeginHoldsOneStateOverManyCallsWhileBatchesGoOn) {
  ciaos::test::Random random(3);
  must_apply(test::random_rows(random, 300));
  const Changes before = everything();
  IndexReader view = reader();
  ASSERT_TRUE(view.begin().ok());
  Changes piece;
  IndexReader::Cursor cursor;
  ASSERT_TRUE(*view.scan(cursor, 2000, piece));
  Changes later;
  for (const auto& [key, row] : before.inodes) later.inodes[key] = file(99);
  for (const auto& [key, row] : before.extents) later.extents[key] = std::nullopt;
  must_apply(later);
  EXPECT_EQ(*view.applied(), test::position(1));
  EXPECT_EQ(scanned(view, 2000), before);
  ASSERT_TRUE(view.end().ok());
  EXPECT_EQ(*view.applied(), test::position(2));
}

TEST_F(IndexView, AScanEndsWithAnEmptyPiece) {
  Changes batch;
  batch.counters[1] = CounterRow{1};
  must_apply(batch);
  IndexReader view = reader();
  ASSERT_TRUE(view.begin().ok());
  Changes piece;
  IndexReader::Cursor cursor;
  EXPECT_TRUE(*view.scan(cursor, 1000, piece));
  EXPECT_EQ(piece, batch);
  EXPECT_FALSE(*view.scan(cursor, 1000, piece));
  EXPECT_TRUE(piece.empty());
}

TEST_F(IndexView, PiecesOfAScanAreAboutAsLongAsAskedFor) {
  Changes batch;
  for (std::uint64_t i = 1; i <= 5000; ++i) {
    batch.inodes[InodeId(i)] = file(4096);
    batch.names[{InodeId(1), "image_" + std::to_string(i)}] = NameRow{InodeId(i), i, 8};
    batch.extents[{InodeId(i), 0}] = extent(kVolume, i * 5000, 4096);
  }
  must_apply(batch);
  IndexReader view = reader();
  ASSERT_TRUE(view.begin().ok());
  Changes piece;
  IndexReader::Cursor cursor;
  std::size_t pieces = 0;
  while (*view.scan(cursor, 20'000, piece)) {
    ++pieces;
    EXPECT_LE(encode_changes(piece).size(), 25'000u);
  }
  EXPECT_LE(pieces, encode_changes(batch).size() / 10'000);
}

TEST_F(IndexView, AReaderMayOutliveItsIndex) {
  must_apply({});
  IndexReader view = reader();
  close();
  EXPECT_EQ(*view.applied(), test::position(1));
}

// Each batch sets two rows to the same number: a reader that sees them differ saw half a batch.
TEST_F(IndexView, ReadersAndCheckpointsMeetNoHalfBatch) {
  std::atomic<bool> done{false};
  const auto read = [&](IndexReader view) {
    while (!done) {
      ASSERT_TRUE(view.begin().ok());
      const auto one = view.counter(1), other = view.counter(500);
      ASSERT_TRUE(one.ok() && other.ok());
      ASSERT_EQ(*one, *other);
      ASSERT_EQ((*view.applied())->sequence.value(), one->value_or(0));
      ASSERT_TRUE(view.end().ok());
    }
  };
  must_apply({});
  Changes batch;
  batch.counters[1] = batch.counters[500] = CounterRow{2};
  must_apply(batch);
  std::thread first(read, reader()), second(read, reader());
  std::thread checkpointer([&] {
    while (!done) ASSERT_TRUE(index_->checkpoint().ok());
  });
  for (std::uint64_t i = 3; i < 200; ++i) {
    batch.counters[1] = batch.counters[500] = CounterRow{i};
    must_apply(batch);
  }
  done = true;
  first.join();
  second.join();
  checkpointer.join();
}

using IndexCost = IndexTest;

TEST_F(IndexCost, ASmallFileTakesLessThan250BytesOfIndex) {
  constexpr std::uint64_t kFiles = 20'000;
  ciaos::test::Random random(1);
  Changes batch;
  for (std::uint64_t i = 0; i < kFiles; ++i) {
    const InodeId inode(1'000'000 + i);
    InodeRow row = file(4096);
    row.uid = row.gid = 1000;
    row.accessed = row.born = {1'700'000'000, static_cast<std::uint32_t>(random.below(1'000'000'000))};
    row.change = 1;
    batch.inodes[inode] = row;
    // Names in no order: pages of names are then fullest by chance only.
    const std::string name = "image_" + std::to_string(random.below(1ull << 40)) + ".jpg";
    batch.names[{InodeId(77), name}] = NameRow{inode, 16 + i, 8};
    ExtentRow row_of_extent = extent(kVolume, 10'000'000'000 + i * 4168, 4096);
    row_of_extent.needle.header_crc = static_cast<std::uint32_t>(random.next());
    batch.extents[{inode, 0}] = row_of_extent;
    if (batch.inodes.size() == 2000) {
      must_apply(batch);
      batch = {};
    }
  }
  ASSERT_TRUE(index_->checkpoint().ok());
  const std::uint64_t each = std::filesystem::file_size(database()) / kFiles;
  RecordProperty("bytes_per_file", static_cast<int>(each));
  EXPECT_LT(each, 250u);
}

// The plans that SQLite makes of our queries: a search is logarithmic, a scan or a sort is not.
TEST_F(IndexCost, NoQueryScansOrSorts) {
  close();
  auto opened = Connection::open(database(), Connection::Access::write);
  ASSERT_TRUE(opened.ok());
  Connection& connection = *opened;
  const std::pair<const char*, const char*> plans[] = {
      {queries::kNames, "listing USING PRIMARY KEY (parent=? AND position>?)"},
      {queries::kNamesFrom, "names USING PRIMARY KEY (parent=? AND name>?)"},
      {queries::kExtents, "extents USING PRIMARY KEY (inode=? AND offset>? AND offset<?)"},
      {queries::kInVolume, "extents USING INDEX extents_by_needle (volume=? AND needle>?)"},
      {queries::kScanNames, "names USING PRIMARY KEY ((parent,name)>(?,?))"},
      {queries::kScanExtents, "extents USING PRIMARY KEY ((inode,offset)>(?,?))"},
      {queries::kScanXattrs, "xattrs USING PRIMARY KEY ((inode,name)>(?,?))"},
  };
  for (const auto& [sql, expected] : plans) {
    Statement plan = *connection.prepare((std::string("EXPLAIN QUERY PLAN ") + sql).c_str());
    ASSERT_TRUE(*plan.step());
    EXPECT_NE(plan.text(3).find(expected), std::string::npos) << sql << "\n" << plan.text(3);
    do {
      EXPECT_EQ(plan.text(3).find("SCAN "), std::string::npos) << sql << "\n" << plan.text(3);
      EXPECT_EQ(plan.text(3).find("TEMP B-TREE"), std::string::npos) << sql << "\n" << plan.text(3);
    } while (*plan.step());
  }
}

}  // namespace
}  // namespace ciaos::meta
