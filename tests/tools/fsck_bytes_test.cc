// Passes 1, 2, 3 and the needles of 5: bytes change on the device, and what they mean is found.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "meta/index.h"
#include "support/temporary_directory.h"
#include "tools/broken_store.h"

namespace ciaos::fsck {
namespace {

class BytesBroken : public testing::Test {
 protected:
  Findings check(CheckOptions options = {}) {
    options.scratch_directory = scratch_.path();
    return store_.check(index_, options);
  }
  InodeId add_file(const std::string& name, std::size_t bytes) {
    const InodeId file = store_.add_file(kRootInode, name, std::string(bytes, 'x'));
    store_.commit();
    return file;
  }

  test::TemporaryDirectory scratch_;
  const std::string index_ = scratch_.path() + "/index";
  BrokenStore store_;
};

TEST_F(BytesBroken, OneSuperblockCopyIsEnoughAndTheOtherIsNamed) {
  store_.flip_device(100);
  const Findings findings = check();
  ASSERT_TRUE(findings.result) << findings.text();
  EXPECT_EQ(findings.count(Problem::superblock_copy_damaged), 1u) << findings.text();
  EXPECT_FALSE(findings.fatal);
}

TEST_F(BytesBroken, WithoutASuperblockNothingCanBeChecked) {
  store_.flip_device(100);
  store_.flip_device(BrokenStore::kDeviceBytes - store::kBlockBytes + 100);
  const Findings findings = check();
  EXPECT_EQ(findings.count(Problem::superblock_none_valid), 1u) << findings.text();
  EXPECT_TRUE(findings.fatal);
}

TEST_F(BytesBroken, ADamagedHeaderIsThatFilesDamage) {
  const InodeId file = add_file("picture", 5000);
  add_file("other", 5000);
  store_.flip(store_.extent(file, 0).needle.at);
  const Findings findings = check();
  ASSERT_TRUE(findings.result) << findings.text();
  EXPECT_EQ(findings.count(Problem::needle_missing), 1u) << findings.text();
  EXPECT_EQ(findings.errors, 1u) << findings.text();
  EXPECT_NE(findings.text().find("\"/picture\""), std::string::npos) << findings.text();
}

TEST_F(BytesBroken, ADamagedPayloadIsFoundWhenDataIsChecked) {
  const InodeId file = add_file("picture", 100'000);
  add_file("other", 5000);
  const NeedlePlace& place = store_.extent(file, 0).needle;
  VolumePosition inside = place.at;
  inside.offset = store::payload_position(place.at.offset, place.payload_bytes) + 50'000;
  store_.flip(inside);
  EXPECT_EQ(check().errors, 0u) << "headers alone are whole";
  const Findings findings = check({.check_data = true});
  EXPECT_EQ(findings.count(Problem::payload_damaged), 1u) << findings.text();
  EXPECT_NE(findings.text().find("\"/picture\""), std::string::npos) << findings.text();
  ASSERT_TRUE(findings.result);
  EXPECT_EQ(findings.result->totals.verified_bytes, 5000u);
}

TEST_F(BytesBroken, DamageInTheMiddleOfTheLogIsNoEndOfIt) {
  const TxnRef middle = store_.commit();
  add_file("a", 100);
  add_file("b", 100);
  store_.flip(middle.at);
  const Findings findings = check();
  EXPECT_EQ(findings.count(Problem::log_damaged), 1u) << findings.text();
  EXPECT_TRUE(findings.fatal);
}

TEST_F(BytesBroken, ATornLastBatchIsANote) {
  add_file("kept", 100);
  const InodeId file = store_.add_file(kRootInode, "torn", std::string(100, 'x'));
  store_.commit();
  store_.flip(store_.extent(file, 0).needle.at);
  const Findings findings = check();
  ASSERT_TRUE(findings.result) << findings.text();
  EXPECT_EQ(findings.errors, 0u) << findings.text();
  EXPECT_EQ(findings.count(Problem::torn_tail), 1u) << findings.text();
  EXPECT_EQ(findings.result->totals.inodes, 2u);
}

TEST_F(BytesBroken, RecordsThatDoNotDecode) {
  store_.commit_records(as_bytes("these are no records"));
  const Findings findings = check();
  EXPECT_EQ(findings.count(Problem::records_damaged), 1u) << findings.text();
}

TEST_F(BytesBroken, RecordsThatContradictWhatIsThere) {
  add_file("a", 100);
  meta::Changes changes;
  changes.names.emplace(meta::NameKey{kRootInode, "b"},
                        *store_.name(kRootInode, "a"));  // at the position of "a"
  store_.commit_records(meta::encode_changes(changes));
  const Findings findings = check();
  EXPECT_EQ(findings.count(Problem::records_contradict), 1u) << findings.text();
}

TEST_F(BytesBroken, AStoreWithSnapshotIsReadFromThere) {
  add_file("before", 100);
  store_.write_snapshot();
  add_file("after", 100);
  const Findings findings = check();
  ASSERT_TRUE(findings.result) << findings.text();
  EXPECT_EQ(findings.errors, 0u) << findings.text();
  EXPECT_EQ(findings.result->totals.inodes, 3u);
  EXPECT_EQ(findings.result->totals.batches, 2u) << "the one of the snapshot's needles, and the one after";
}

TEST_F(BytesBroken, ADamagedSnapshotIsToldAndTheWholeLogReadInstead) {
  add_file("before", 100);
  store_.flip(store_.write_snapshot().at);
  add_file("after", 100);
  const Findings findings = check();
  ASSERT_TRUE(findings.result) << findings.text();
  EXPECT_EQ(findings.count(Problem::snapshot_damaged), 1u) << findings.text();
  EXPECT_EQ(findings.errors, 1u) << findings.text();
  EXPECT_EQ(findings.result->totals.inodes, 3u);
}

TEST_F(BytesBroken, WithoutABeginningTheIndexStandsInForIt) {
  add_file("a", 100);
  add_file("b", 100);
  store_.build_index(index_);
  store_.flip(store_.volumes().superblock().log_start);
  Findings findings = check();
  ASSERT_TRUE(findings.result) << findings.text();
  EXPECT_EQ(findings.result->totals.inodes, 3u);

  std::filesystem::remove_all(index_);
  findings = check();
  EXPECT_EQ(findings.count(Problem::log_start_missing), 1u) << findings.text();
  EXPECT_TRUE(findings.fatal);
}

TEST_F(BytesBroken, AnIndexThatIsCurrentIsFine) {
  add_file("a", 100);
  store_.build_index(index_);
  const Findings findings = check();
  ASSERT_TRUE(findings.result) << findings.text();
  EXPECT_TRUE(findings.lines.empty() || findings.lines.size() == 6) << findings.text();  // headings
  EXPECT_EQ(findings.errors, 0u) << findings.text();
  EXPECT_EQ(findings.count(Problem::index_missing) + findings.count(Problem::index_behind), 0u);
}

TEST_F(BytesBroken, AnIndexThatIsBehindIsBroughtForwardInACopy) {
  add_file("a", 100);
  store_.build_index(index_);
  add_file("b", 100);
  const Findings findings = check();
  ASSERT_TRUE(findings.result) << findings.text();
  EXPECT_EQ(findings.errors, 0u) << findings.text();
  EXPECT_EQ(findings.count(Problem::index_behind), 1u) << findings.text();
  EXPECT_EQ(check().count(Problem::index_behind), 1u) << "nothing was written to it";
}

TEST_F(BytesBroken, AnIndexOfAnotherLogIsANote) {
  {
    BrokenStore twin;  // the same uuid, another life
    twin.add_file(kRootInode, "elsewhere", "x");
    twin.commit();
    twin.build_index(index_);
  }
  add_file("here", 5);
  add_file("there", 5);
  const Findings findings = check();
  ASSERT_TRUE(findings.result) << findings.text();
  EXPECT_EQ(findings.count(Problem::index_foreign), 1u) << findings.text();
  EXPECT_EQ(findings.errors, 0u) << findings.text();
}

TEST_F(BytesBroken, AnIndexThatIsNoDatabaseIsDamaged) {
  std::filesystem::create_directory(index_);
  std::ofstream(index_ + "/index.sqlite") << std::string(8192, '!');
  const Findings findings = check();
  ASSERT_TRUE(findings.result) << findings.text();
  EXPECT_EQ(findings.count(Problem::index_damaged), 1u) << findings.text();
}

TEST_F(BytesBroken, RowsThatOnlyTheIndexHasAreFound) {
  add_file("a", 100);
  store_.build_index(index_);
  const TxnRef last = store_.commit();
  {
    auto index = meta::Index::open(index_, store_.uuid(), meta::Index::Mode::existing);
    ASSERT_TRUE(index.ok());
    meta::Changes changes;
    changes.inodes.emplace(InodeId(77), store_.inode(kRootInode));
    changes.counters.emplace(static_cast<std::uint32_t>(meta::Counter::inodes), meta::CounterRow{9});
    const meta::Changes* batch = &changes;
    ASSERT_TRUE((*index)->apply({&batch, 1}, last).ok());
    ASSERT_TRUE((*index)->checkpoint().ok());
  }
  const Findings findings = check();
  ASSERT_TRUE(findings.result) << findings.text();
  EXPECT_GE(findings.count(Problem::index_row_differs), 2u) << findings.text();
  EXPECT_NE(findings.text().find("inode 77"), std::string::npos) << findings.text();
}

TEST_F(BytesBroken, AQuickCheckBelievesAnIndexThatBelongsToTheLog) {
  add_file("a", 100);
  store_.build_index(index_);
  Findings findings = check({.quick = true, .headings = false});
  ASSERT_TRUE(findings.result) << findings.text();
  EXPECT_TRUE(findings.result->clean_at_a_glance);
  EXPECT_TRUE(findings.lines.empty()) << findings.text();

  store_.flip_device(100);  // anything wrong, and all of it is looked at
  findings = check({.quick = true, .headings = false});
  ASSERT_TRUE(findings.result) << findings.text();
  EXPECT_FALSE(findings.result->clean_at_a_glance);
}

TEST_F(BytesBroken, ASignalEndsTheCheck) {
  const std::atomic<bool> cancelled{true};
  Progress progress(Progress::Style::none, -1, "", &cancelled);
  progress.begin(1, 10);
  EXPECT_EQ(progress.step(1).code(), ECANCELED);
}

TEST_F(BytesBroken, NothingIsLeftInTheScratchFolder) {
  add_file("a", 100);
  check();
  EXPECT_TRUE(std::filesystem::is_empty(scratch_.path()));
}

}  // namespace
}  // namespace ciaos::fsck
