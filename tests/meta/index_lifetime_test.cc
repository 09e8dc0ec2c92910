// What an index keeps over closing, crashes, loads and damage, and whom it serves.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "meta/connection.h"
#include "meta/index.h"
#include "meta/index_fixture.h"
#include "meta/schema.h"
#include "support/random_changes.h"

namespace ciaos::meta {
namespace {

using test::file;
using test::IndexTest;
using test::position;
using test::store_uuid;
namespace fs = std::filesystem;

Changes some_rows(std::uint64_t seed = 1) {
  ciaos::test::Random random(seed);
  return test::random_rows(random, 200);
}

std::string contents_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void overwrite(const std::string& path, const std::string& contents) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << contents;
}

using IndexOpen = IndexTest;

TEST_F(IndexOpen, FindsEverythingAgain) {
  must_apply(some_rows());
  reopen();
  EXPECT_EQ(everything(), some_rows());
  EXPECT_EQ(applied(), position(1));
  reopen(Index::Mode::existing);
  EXPECT_EQ(everything(), some_rows());
}

TEST_F(IndexOpen, AMissingOneIsMadeOnlyWhenAskedFor) {
  close();
  ASSERT_TRUE(Index::remove(directory()).ok());
  EXPECT_TRUE(fs::is_empty(directory()));
  EXPECT_EQ(error_of_open(Index::Mode::existing), ENOENT);
  EXPECT_EQ(error_of_open(Index::Mode::read_only), ENOENT);
  EXPECT_TRUE(fs::is_empty(directory()));
  EXPECT_EQ(error_of_open(Index::Mode::open_or_create), 0);
}

TEST_F(IndexOpen, MakesItsDirectory) {
  EXPECT_EQ(Index::open(directory() + "/a/b", store_uuid(), Index::Mode::open_or_create).code(), 0);
}

TEST_F(IndexOpen, RemovingWhatIsNotThereSucceeds) {
  EXPECT_TRUE(Index::remove(directory() + "/nowhere").ok());
}

TEST_F(IndexOpen, RefusesAnotherStoresIndexAndLeavesItAsItIs) {
  must_apply(some_rows());
  close();
  const std::string before = contents_of(database());
  for (const Index::Mode mode :
       {Index::Mode::open_or_create, Index::Mode::existing, Index::Mode::read_only}) {
    EXPECT_EQ(error_of_open(mode, store_uuid(99)), ESTALE);
  }
  EXPECT_EQ(contents_of(database()), before);
}

TEST_F(IndexOpen, FindsGarbageDamaged) {
  close();
  for (const std::string& garbage :
       {std::string(8192, 'x'), std::string(100, '\0'), std::string("SQLite format 3")}) {
    overwrite(database(), garbage);
    EXPECT_EQ(error_of_open(Index::Mode::open_or_create), EUCLEAN);
    EXPECT_EQ(error_of_open(Index::Mode::existing), EUCLEAN);
    EXPECT_EQ(error_of_open(Index::Mode::read_only), EUCLEAN);
  }
}

TEST_F(IndexOpen, FindsATruncatedDatabaseDamaged) {
  must_apply(some_rows());
  close();
  fs::resize_file(database(), fs::file_size(database()) / 2 / 4096 * 4096);
  EXPECT_EQ(error_of_open(Index::Mode::open_or_create), EUCLEAN);
  EXPECT_EQ(error_of_open(Index::Mode::read_only), EUCLEAN);
}

TEST_F(IndexOpen, AnEmptyFileIsACreationThatDidNotGetFar) {
  close();
  overwrite(database(), "");
  EXPECT_EQ(error_of_open(Index::Mode::existing), ENOENT);
  EXPECT_EQ(error_of_open(Index::Mode::read_only), ENOENT);
  EXPECT_EQ(error_of_open(Index::Mode::open_or_create), 0);
}

TEST_F(IndexOpen, RefusesADatabaseThatIsNoIndex) {
  close();
  ASSERT_TRUE(Index::remove(directory()).ok());
  {
    auto other = Connection::open(database(), Connection::Access::create);
    ASSERT_TRUE(other->execute("CREATE TABLE bookmarks(url TEXT)").ok());
  }
  EXPECT_EQ(error_of_open(Index::Mode::open_or_create), EUCLEAN);
}

TEST_F(IndexOpen, RefusesASchemaOfTomorrow) {
  close();
  {
    auto connection = Connection::open(database(), Connection::Access::write);
    ASSERT_TRUE(connection->execute("PRAGMA user_version=1000").ok());
  }
  EXPECT_EQ(error_of_open(Index::Mode::open_or_create), ENOTSUP);
  EXPECT_EQ(error_of_open(Index::Mode::read_only), ENOTSUP);
}

using IndexDamage = IndexTest;

TEST_F(IndexDamage, ADamagedRowIsFoundWhenItIsRead) {
  Changes batch;
  batch.inodes[InodeId(5)] = file();
  batch.names[{InodeId(1), "a"}] = NameRow{InodeId(5), 1, 8};
  batch.extents[{InodeId(5), 0}] = test::extent(make_volume_id(0, 0), 0, 10);
  must_apply(batch);
  close();
  {
    auto connection = Connection::open(database(), Connection::Access::write);
    ASSERT_TRUE(connection
                    ->execute("UPDATE inodes SET row=x'01'; UPDATE names SET child=0;"
                              "UPDATE listing SET type=99; UPDATE extents SET length=11")
                    .ok());
  }
  open();
  IndexReader view = reader();
  EXPECT_EQ(view.inode(InodeId(5)).code(), EUCLEAN);
  EXPECT_EQ(view.name(InodeId(1), "a").code(), EUCLEAN);
  EXPECT_EQ(view.names(InodeId(1), 0, 10).code(), EUCLEAN);
  EXPECT_EQ(view.extents(InodeId(5), 0, 10, 10).code(), EUCLEAN);
}

TEST_F(IndexDamage, AnyDamagedPageIsAnErrorOrOtherRowsButNeverACrash) {
  must_apply(some_rows());
  close();
  const std::string sound = contents_of(database());
  const auto [first, last] = ciaos::test::seeds_to_run(60);
  for (std::uint64_t seed = first; seed < last; ++seed) {
    SCOPED_TRACE("CIAOS_SEED=" + std::to_string(seed));
    ciaos::test::Random random(seed);
    std::string damaged = sound;
    for (int i = 0; i < 40; ++i) damaged[random.below(damaged.size())] = static_cast<char>(random.next());
    overwrite(database(), damaged);
    auto opened = Index::open(directory(), store_uuid(), Index::Mode::open_or_create);
    if (opened.ok()) {
      auto view = (*opened)->reader();
      if (view.ok() && view->begin().ok()) {
        IndexReader::Cursor cursor;
        Changes piece;
        for (auto more = view->scan(cursor, 4096, piece); more.ok() && *more;) {
          more = view->scan(cursor, 4096, piece);
        }
      }
      const Changes more_rows = some_rows(2);
      const Changes* const batch = &more_rows;
      (void)(*opened)->apply({&batch, 1}, position(1'000'000)).code();
    }
    opened = fail(ENOENT);
    ASSERT_TRUE(Index::remove(directory()).ok());
  }
}

TEST_F(IndexDamage, AListingWithoutItsNameContradicts) {
  Changes batch;
  batch.names[{InodeId(1), "a"}] = NameRow{InodeId(5), 1, 8};
  must_apply(batch);
  close();
  {
    auto connection = Connection::open(database(), Connection::Access::write);
    ASSERT_TRUE(connection->execute("DELETE FROM listing").ok());
  }
  open();
  batch.names[{InodeId(1), "a"}] = std::nullopt;
  EXPECT_EQ(apply(batch).code(), EUCLEAN);
}

using IndexCrash = IndexTest;

TEST_F(IndexCrash, FilesCopiedBetweenBatchesShowTheBatchesBefore) {
  const std::string copy = temporary_.path() + "/copy";
  for (std::uint64_t batch = 1; batch <= 6; ++batch) {
    Changes changes;
    changes.inodes[InodeId(batch)] = file(batch);
    must_apply(changes);
    if (batch == 3) {
      ASSERT_TRUE(index_->checkpoint().ok());
    }
    fs::remove_all(copy);
    fs::create_directory(copy);
    for (const char* name : {"/index.sqlite", "/index.sqlite-wal"}) {
      fs::copy_file(directory() + name, copy + name);
    }
    auto crashed = Index::open(copy, store_uuid(), Index::Mode::existing);
    ASSERT_TRUE(crashed.ok()) << to_string(crashed.error());
    auto view = (*crashed)->reader();
    EXPECT_EQ(*view->applied(), position(batch));
    EXPECT_EQ((*view->inode(InodeId(batch)))->size, batch);
  }
}

TEST_F(IndexCrash, AWalCutAnywhereShowsAWholeNumberOfBatches) {
  for (std::uint64_t batch = 1; batch <= 5; ++batch) {
    Changes changes;
    for (std::uint64_t i = 0; i < 50; ++i) changes.inodes[InodeId(batch * 100 + i)] = file(batch);
    must_apply(changes);
  }
  const std::string database_bytes = contents_of(database());
  const std::string wal_bytes = contents_of(wal());
  const std::string copy = temporary_.path() + "/copy";
  fs::create_directory(copy);
  for (std::size_t kept = wal_bytes.size(); kept > 100'000 || kept > wal_bytes.size() / 3; kept -= 3001) {
    ASSERT_TRUE(Index::remove(copy).ok());
    overwrite(copy + "/index.sqlite", database_bytes);
    overwrite(copy + "/index.sqlite-wal", wal_bytes.substr(0, kept));
    auto crashed = Index::open(copy, store_uuid(), Index::Mode::open_or_create);
    ASSERT_TRUE(crashed.ok()) << to_string(crashed.error());
    auto view = (*crashed)->reader();
    const std::optional<TxnRef> applied = *view->applied();
    const std::uint64_t batches = applied ? applied->sequence.value() : 0;
    for (std::uint64_t batch = 1; batch <= 5; ++batch) {
      EXPECT_EQ((*view->inode(InodeId(batch * 100 + 49))).has_value(), batch <= batches);
    }
  }
}

using IndexCheckpoint = IndexTest;

TEST_F(IndexCheckpoint, EmptiesTheWalSoThatTheDatabaseStandsAlone) {
  EXPECT_TRUE(index_->checkpoint().ok());
  EXPECT_EQ(index_->wal_bytes(), 0u);
  must_apply(some_rows());
  EXPECT_EQ(index_->wal_bytes(), fs::file_size(wal()));
  ASSERT_TRUE(index_->checkpoint().ok());
  EXPECT_EQ(index_->wal_bytes(), 0u);
  EXPECT_EQ(fs::file_size(wal()), 0u);
  const std::string copy = temporary_.path() + "/copy";
  fs::create_directory(copy);
  fs::copy_file(database(), copy + "/index.sqlite");
  auto alone = Index::open(copy, store_uuid(), Index::Mode::read_only);
  ASSERT_TRUE(alone.ok());
  EXPECT_EQ(*(*alone)->reader()->applied(), position(1));
}

TEST_F(IndexCheckpoint, SucceedsWhileALongReadHoldsTheWalBack) {
  must_apply(some_rows(1));
  IndexReader view = reader();
  ASSERT_TRUE(view.begin().ok());
  Changes changes;
  changes.counters[77] = CounterRow{1};
  must_apply(changes);
  EXPECT_TRUE(index_->checkpoint().ok());
  EXPECT_GT(index_->wal_bytes(), 0u);
  EXPECT_EQ(*view.counter(77), std::nullopt) << "the view stays what it was";
  ASSERT_TRUE(view.end().ok());
  EXPECT_EQ(*view.counter(77), 1u);
  EXPECT_TRUE(index_->checkpoint().ok());
  EXPECT_EQ(index_->wal_bytes(), 0u);
}

using IndexLoad = IndexTest;

TEST_F(IndexLoad, ShowsTheRowsThatAScanGave) {
  must_apply(some_rows());
  Changes orphan;
  orphan.inodes[InodeId(1)] = file();
  orphan.inodes[InodeId(1)]->links = 0;
  must_apply(orphan);
  const Changes original = everything();
  const auto original_usage = *reader().volumes();
  std::vector<Changes> pieces;
  {
    IndexReader view = reader();
    ASSERT_TRUE(view.begin().ok());
    IndexReader::Cursor cursor;
    Changes piece;
    while (*view.scan(cursor, 5000, piece)) pieces.push_back(piece);
  }
  EXPECT_GT(pieces.size(), 5u);
  close();
  ASSERT_TRUE(Index::remove(directory()).ok());
  open();
  for (const Changes& piece : pieces) ASSERT_TRUE(index_->load(piece).ok());
  ASSERT_TRUE(index_->finish_load(position(9)).ok());
  EXPECT_EQ(index_->wal_bytes(), 0u) << "a finished load is durable";
  EXPECT_EQ(everything(), original);
  EXPECT_EQ(applied(), position(9));
  EXPECT_FALSE(reader().orphans(InodeId(0), 1)->empty());
  const auto usage = *reader().volumes();
  ASSERT_EQ(usage.size(), original_usage.size());
  for (std::size_t i = 0; i < usage.size(); ++i) {
    EXPECT_EQ(usage[i].extents, original_usage[i].extents);
    EXPECT_EQ(usage[i].bytes, original_usage[i].bytes);
  }
}

TEST_F(IndexLoad, CutShortItIsFoundEmpty) {
  ASSERT_TRUE(index_->load(some_rows()).ok());
  for (const Index::Mode mode : {Index::Mode::existing, Index::Mode::open_or_create}) {
    reopen(mode);
    EXPECT_EQ(applied(), std::nullopt);
    EXPECT_TRUE(everything().empty());
    ASSERT_TRUE(index_->load(some_rows()).ok());
  }
}

TEST_F(IndexLoad, RefusesWhatNoSnapshotHolds) {
  Changes deletion;
  deletion.inodes[InodeId(1)] = std::nullopt;
  EXPECT_EQ(index_->load(deletion).code(), EUCLEAN);
  ASSERT_TRUE(index_->load(some_rows()).ok());
  EXPECT_EQ(index_->load(some_rows()).code(), EUCLEAN) << "the same rows twice";
}

using IndexReadOnly = IndexTest;

TEST_F(IndexReadOnly, WritesNothingAtAll) {
  must_apply(some_rows());
  close();
  const std::string before = contents_of(database());
  const auto written = fs::last_write_time(database());
  open(Index::Mode::read_only);
  EXPECT_EQ(everything(), some_rows());
  EXPECT_EQ(applied(), position(1));
  EXPECT_EQ(apply({}).code(), EROFS);
  EXPECT_EQ(index_->load({}).code(), EROFS);
  EXPECT_EQ(index_->finish_load(position(2)).code(), EROFS);
  EXPECT_EQ(index_->checkpoint().code(), EROFS);
  EXPECT_EQ(index_->wal_bytes(), 0u);
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(directory())) ++files;
  EXPECT_EQ(files, 1u);
  close();
  EXPECT_EQ(contents_of(database()), before);
  EXPECT_EQ(fs::last_write_time(database()), written);
}

TEST_F(IndexReadOnly, AsksForACopyWhenTheWalHoldsSomething) {
  must_apply(some_rows());
  EXPECT_EQ(error_of_open(Index::Mode::read_only), EAGAIN);
}

TEST_F(IndexReadOnly, ReachesADirectoryOfAnyName) {
  const std::string odd = temporary_.path() + "/a b?c#d%20e";
  { ASSERT_TRUE(Index::open(odd, store_uuid(), Index::Mode::open_or_create).ok()); }
  EXPECT_EQ(Index::open(odd, store_uuid(), Index::Mode::read_only).code(), 0);
}

class SchemaMigration : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = Connection::open(temporary_.path() + "/database", Connection::Access::create);
    ASSERT_TRUE(opened.ok());
    connection_.emplace(*std::move(opened));
  }
  static constexpr SchemaStep kSteps[] = {
      {1, "CREATE TABLE t(a)"}, {2, "ALTER TABLE t ADD b DEFAULT 7"}, {3, "INSERT INTO t(a) VALUES(1)"}};

  ciaos::test::TemporaryDirectory temporary_;
  std::optional<Connection> connection_;
};

TEST_F(SchemaMigration, RunsEachStepOnce) {
  ASSERT_TRUE(migrate(*connection_, std::span(kSteps).first(1)).ok());
  ASSERT_TRUE(connection_->execute("INSERT INTO t VALUES(0)").ok());
  EXPECT_EQ(*schema_version(*connection_), 1);
  ASSERT_TRUE(migrate(*connection_, kSteps).ok());
  ASSERT_TRUE(migrate(*connection_, kSteps).ok());
  EXPECT_EQ(*schema_version(*connection_), 3);
  EXPECT_EQ(*connection_->number("SELECT sum(b) FROM t"), 14u);
}

TEST_F(SchemaMigration, AFailedStepLeavesTheVersionBeforeIt) {
  constexpr SchemaStep broken[] = {{1, "CREATE TABLE t(a)"}, {2, "CREATE TABLE u(a); CREATE TABLE t(a)"}};
  EXPECT_EQ(migrate(*connection_, broken).code(), EUCLEAN);
  EXPECT_EQ(*schema_version(*connection_), 1);
  EXPECT_EQ(*connection_->number("SELECT count(*) FROM sqlite_schema WHERE name='u'"), 0u);
}

TEST_F(SchemaMigration, StepsAreNumberedFromOneWithoutGaps) {
  int expected = 0;
  for (const SchemaStep& step : schema_steps()) EXPECT_EQ(step.version, ++expected);
}

}  // namespace
}  // namespace ciaos::meta
