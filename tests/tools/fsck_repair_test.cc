// The first run repairs, the second finds nothing; or both say the same, for what cannot be repaired.
#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "support/crash_device.h"
#include "tools/breakages.h"
#include "tools/fsck/extent_repairs.h"

namespace ciaos::fsck {
namespace {

const Answers kYes(Answers::Mode::yes, false);
const Answers kYesAndCut(Answers::Mode::yes, true);
const Answers kPreen(Answers::Mode::preen, false);

std::string name_of(const testing::TestParamInfo<Breakage>& test) { return test.param.name; }

std::vector<Breakage> all_breakages() {
  std::vector<Breakage> all(row_breakages().begin(), row_breakages().end());
  all.insert(all.end(), byte_breakages().begin(), byte_breakages().end());
  return all;
}

bool is_of_rows(const Breakage& breakage) {
  for (const Breakage& row : row_breakages()) {
    if (row.name == breakage.name) return true;
  }
  return false;
}

void break_store(Tree& tree, const Breakage& breakage) {
  is_of_rows(breakage) ? break_rows(tree, breakage) : breakage.breaks(tree);
}

TEST(RepairTable, HasABuilderForEveryProblem) {
  std::set<Problem> built;
  for (const Breakage& breakage : all_breakages()) built.insert(breakage.problem);
  for (const ProblemEntry& entry : problem_table()) {
    EXPECT_TRUE(built.contains(entry.problem)) << entry.code << " has no builder";
  }
}

TEST(RepairTable, EachRemedyHasAQuestion) {
  for (const ProblemEntry& entry : problem_table()) {
    EXPECT_EQ(entry.remedy == Remedy::none, *entry.question == '\0') << entry.code;
  }
}

class Repairs : public testing::TestWithParam<Breakage> {};

TEST_P(Repairs, FirstRunRepairsAndSecondFindsNothing) {
  const Breakage& breakage = GetParam();
  Tree tree(breakage.in_folder);
  break_store(tree, breakage);

  const Findings before = tree.check();
  ASSERT_TRUE(before.result) << before.text();
  ASSERT_GE(before.count(breakage.problem), 1u) << before.text();
  const Findings first = tree.check(&kYes);
  ASSERT_TRUE(first.result) << first.text();
  EXPECT_EQ(first.counts, before.counts) << "a check that repairs finds what one that does not finds";
  const Findings second = tree.check();
  ASSERT_TRUE(second.result) << second.text();
  switch (breakage.outcome) {
    case Outcome::repaired:
      EXPECT_GE(first.result->corrected, 1u) << first.text();
      EXPECT_EQ(first.result->left, 0u) << first.text() << second.text();
      EXPECT_EQ(second.errors, 0u) << first.text() << second.text();
      EXPECT_EQ(second.count(breakage.problem), 0u) << second.text();
      break;
    case Outcome::note:
      EXPECT_EQ(first.result->left, 0u) << first.text();
      EXPECT_EQ(second.errors, 0u) << second.text();
      break;
    case Outcome::left:
    case Outcome::left_for_cut:
      EXPECT_GE(first.result->left, 1u) << first.text();
      EXPECT_GE(second.count(breakage.problem), 1u) << second.text();
      break;
  }
}

TEST_P(Repairs, WhatIsLostIsCutOutOnlyWhenThatIsAskedFor) {
  const Breakage& breakage = GetParam();
  Tree tree(breakage.in_folder);
  break_store(tree, breakage);
  const Findings first = tree.check(&kYesAndCut);
  ASSERT_TRUE(first.result) << first.text();
  const Findings second = tree.check();
  ASSERT_TRUE(second.result) << second.text();
  EXPECT_EQ(second.errors == 0, breakage.outcome != Outcome::left) << first.text() << second.text();
  EXPECT_EQ(first.result->left, second.errors) << first.text() << second.text();
}

TEST_P(Repairs, UnaskedOnlyWhatNeedsNoYes) {
  const Breakage& breakage = GetParam();
  Tree tree(breakage.in_folder);
  break_store(tree, breakage);
  const Findings before = tree.check();
  bool all_unasked = true;
  for (const ProblemEntry& entry : problem_table()) {
    if (before.count(entry.problem) == 0 || entry.severity == Severity::note) continue;
    all_unasked &= entry.remedy != Remedy::none && entry.consent == Consent::unasked;
  }
  const Findings first = tree.check(&kPreen);
  ASSERT_TRUE(first.result) << first.text();
  const Findings second = tree.check();
  ASSERT_TRUE(second.result) << second.text();
  EXPECT_EQ(second.errors == 0, all_unasked) << first.text() << second.text();
  EXPECT_EQ(first.result->left, second.errors) << first.text() << second.text();
}

INSTANTIATE_TEST_SUITE_P(All, Repairs, testing::ValuesIn(all_breakages()), name_of);

// By problem, the index left out, which lies on no device of the store.
std::vector<std::uint64_t> errors_of_store(const Findings& findings) {
  std::vector<std::uint64_t> errors;
  for (const ProblemEntry& entry : problem_table()) {
    if (entry.severity != Severity::note && entry.remedy != Remedy::index)
      errors.push_back(findings.count(entry.problem));
  }
  return errors;
}

// I5. The machine dies at each write of a repair in turn; what the disk may have kept is a store on which the next run
// comes to its end, and the one after it finds nothing.
class CutShort : public testing::TestWithParam<Breakage> {};

TEST_P(CutShort, TheNextRunRepairs) {
  const Breakage& breakage = GetParam();
  Tree tree;
  break_store(tree, breakage);
  const auto image = tree.store.image();
  const auto check = [&](const std::shared_ptr<store::Device>& device, const Answers* answers) {
    std::vector<std::unique_ptr<store::StoreDevice>> devices;
    devices.push_back(store::raw_store_device(device));
    const CheckOptions options{.index_directory = tree.index, .scratch_directory = tree.place.path()};
    return BrokenStore::check_devices(std::move(devices), options, answers);
  };
  const Findings before = check(image, nullptr);
  bool finished = false;
  for (std::uint64_t write = 1; !finished; ++write) {
    for (const std::uint64_t seed : {test::CrashDevice::kDropAll, test::CrashDevice::kKeepAll, 2 + write}) {
      SCOPED_TRACE(testing::Message() << "cut at write " << write << ", seed " << seed);
      const auto copy = std::make_shared<store::MemoryDevice>(BrokenStore::kDeviceBytes);
      store::IoBuffer bytes(BrokenStore::kDeviceBytes);
      ASSERT_TRUE(image->read(0, bytes.span()).ok());
      ASSERT_TRUE(copy->write(0, bytes.span()).ok());
      const auto plan = std::make_shared<test::CrashPlan>();
      plan->cut_at_write(write);
      const auto dying = std::make_shared<test::CrashDevice>(copy, plan);
      const Findings cut = check(dying, &kYes);
      finished = !plan->is_cut();
      EXPECT_EQ(cut.result.has_value(), finished) << cut.text();
      const auto survivor = dying->survivor(seed);
      const Findings found = check(survivor, nullptr);
      ASSERT_TRUE(found.result) << found.text();
      EXPECT_TRUE(errors_of_store(found) == errors_of_store(before) || found.errors == 0)
          << "neither the store from before nor a repaired one: " << before.text() << found.text();
      const Findings next = check(survivor, &kYes);
      ASSERT_TRUE(next.result) << next.text();
      EXPECT_EQ(next.result->left, 0u) << next.text();
      EXPECT_EQ(check(survivor, nullptr).errors, 0u);
    }
    ASSERT_LT(write, 200u) << "it never ends";
  }
}

std::vector<Breakage> some_breakages() {
  std::vector<Breakage> some;
  for (const Breakage& breakage : all_breakages()) {
    const std::string name = breakage.name;
    if (name == "OneSuperblockCopy" || name == "Snapshot" || name == "FileWithoutName" ||
        name == "DirectoriesInACircle" || name == "EpochAboveTheSuperblocks") {
      some.push_back(breakage);
    }
  }
  return some;
}
INSTANTIATE_TEST_SUITE_P(Some, CutShort, testing::ValuesIn(some_breakages()), name_of);

TEST(Repair, WhatNoNameLeadsToIsInLostAndFound) {
  Tree tree;
  tree.store.rows().names.erase({kRootInode, "other"});
  --tree.store.inode(kRootInode).entries;
  tree.store.commit();
  const Findings first = tree.check(&kYes);
  ASSERT_TRUE(first.result) << first.text();
  auto index = meta::Index::open(tree.index, tree.store.uuid(), meta::Index::Mode::read_only);
  ASSERT_TRUE(index.ok()) << "the repair left a new index";
  auto reader = (*index)->reader();
  ASSERT_TRUE(reader.ok());
  const auto lost_found = reader->name(kRootInode, "lost+found");
  ASSERT_TRUE(lost_found.ok() && lost_found->has_value());
  const auto name = reader->name((*lost_found)->child, "#" + std::to_string(tree.other.value()));
  ASSERT_TRUE(name.ok() && name->has_value());
  EXPECT_EQ((*name)->child, tree.other);
  EXPECT_EQ((*name)->type, DT_REG);
}

TEST(Repair, GoesOnWhereATornBatchBegan) {
  Tree tree;
  ++tree.store.inode(tree.folder).entries;
  tree.store.commit();
  const InodeId torn = tree.store.add_file(kRootInode, "torn", "never finished");
  tree.store.commit();
  tree.store.flip(tree.store.extent(torn, 0).needle.at);
  const Findings first = tree.check(&kYes);
  ASSERT_TRUE(first.result) << first.text();
  EXPECT_EQ(first.count(Problem::torn_tail), 1u) << first.text();
  EXPECT_EQ(first.result->left, 0u) << first.text();
  const Findings second = tree.check();
  EXPECT_EQ(second.errors, 0u) << second.text();
  EXPECT_EQ(second.count(Problem::torn_tail), 0u) << second.text();
  EXPECT_EQ(second.result->totals.inodes, 6u) << "what was torn is forgotten";
}

// Commits until the log goes on in another volume, at most `commits`; how many there were.
int fill_volume(Tree& tree, int commits) {
  for (int i = 0; i < 26; ++i) {
    tree.store.add_file(kRootInode, "f" + std::to_string(i), std::string(60'000, 'f'));
    tree.store.commit();
  }
  const VolumeId first = tree.store.tail().volume;
  int done = 0;
  while (done < commits && tree.store.tail().volume == first) {
    tree.store.commit();
    ++done;
  }
  return done;
}

TEST(Repair, GoesOnInAnotherVolumeWhereOneIsFull) {
  constexpr int kMany = 1000;
  Tree probe;
  const int full = fill_volume(probe, kMany);
  ASSERT_LT(full, kMany);
  int moved = 0;
  for (int commits = full - 4; commits < full; ++commits) {
    SCOPED_TRACE(commits);
    Tree tree;
    fill_volume(tree, commits);
    tree.store.rows().names.erase({kRootInode, "other"});
    const VolumeId before = tree.store.commit().resume.volume;
    const Findings first = tree.check(&kYes);
    ASSERT_TRUE(first.result) << first.text();
    EXPECT_EQ(first.result->left, 0u) << first.text();
    const Findings second = tree.check();
    EXPECT_EQ(second.errors, 0u) << second.text();
    EXPECT_EQ(second.result->totals.inodes, 6u + 26u + 1u) << "and lost+found";
    if (tree.store.log_end().resume.volume != before) ++moved;
  }
  EXPECT_GE(moved, 1) << "no repair had to move";
}

// I5
TEST(Repair, NothingIsDeletedWhereTheDeviceRefusesToRead) {
  Tree tree;
  tree.leave_first_volume();
  tree.store.refuse_to_read(tree.store.extent(tree.file, 0).needle.at, 64);
  const Findings first = tree.check(&kYesAndCut);
  ASSERT_TRUE(first.result) << first.text();
  EXPECT_EQ(first.count(Problem::needle_unreadable), 1u) << first.text();
  EXPECT_EQ(first.result->left, 1u);
  auto index = meta::Index::open(tree.index, tree.store.uuid(), meta::Index::Mode::read_only);
  ASSERT_TRUE(index.ok());
  auto extents = (*index)->reader().value().extents(tree.file, 0, 5000, 10);
  ASSERT_TRUE(extents.ok());
  EXPECT_EQ(extents->size(), 1u);
}

TEST(Repair, WhoSaysNoIsAskedOnceAndNothingIsChanged) {
  Tree tree;
  tree.store.rows().names.erase({kRootInode, "other"});
  tree.store.commit();
  std::vector<std::string> questions;
  const Answers no(Answers::Mode::ask, false, [&](const std::string& question) {
    questions.push_back(question);
    return false;
  });
  const Findings first = tree.check(&no);
  ASSERT_TRUE(first.result) << first.text();
  EXPECT_EQ(first.result->corrected, 0u);
  EXPECT_EQ(first.result->left, first.errors);
  EXPECT_EQ(questions.size(), 3u) << "the file, the directory's count, the index that is missing";
  EXPECT_EQ(std::set(questions.begin(), questions.end()).size(), questions.size());
  EXPECT_EQ(tree.check().errors, first.errors);
}

TEST(Repair, AnIndexIsRebuiltOnRequestAndThatCorrectsNothing) {
  Tree tree;
  tree.store.build_index(tree.index);
  const Answers nobody(Answers::Mode::no, false);
  const Findings rebuilt =
      tree.store.check(tree.index, {.rebuild_index = true, .scratch_directory = tree.place.path()}, &nobody);
  ASSERT_TRUE(rebuilt.result) << rebuilt.text();
  EXPECT_TRUE(rebuilt.result->index_rebuilt);
  EXPECT_EQ(rebuilt.result->corrected, 0u);
  const Findings after = tree.check();
  EXPECT_TRUE(after.errors == 0 && after.count(Problem::index_missing) == 0) << after.text();
}

TEST(Repair, WhatACutShortRunLeftBesideTheIndexIsInNobodysWay) {
  Tree tree;
  const std::string left = tree.index + ".fsck";
  std::filesystem::create_directory(left);
  std::ofstream(left + "/index.sqlite") << "half a copy";
  std::ofstream(left + "/index.sqlite-wal") << "half a log";
  const Findings first = tree.check(&kYes);
  ASSERT_TRUE(first.result) << first.text();
  EXPECT_TRUE(first.result->index_rebuilt);
  EXPECT_EQ(tree.check().count(Problem::index_damaged), 0u);
  EXPECT_EQ(tree.check().count(Problem::index_missing), 0u);
}

AgedExtent aged(std::uint64_t offset, std::uint64_t length, std::uint64_t sequence) {
  AgedExtent extent{{offset, {}}, Sequence(sequence)};
  extent.extent.row.length = length;
  return extent;
}

TEST(Flattened, LaterBytesLieOnTop) {
  const auto flat = flattened({aged(0, 100, 5), aged(20, 10, 9), aged(90, 30, 1)});
  ASSERT_EQ(flat.size(), 4u);
  EXPECT_EQ(flat[0].end(), 20u);
  EXPECT_EQ(flat[1].offset, 20u);
  EXPECT_EQ(flat[2].offset, 30u);
  EXPECT_EQ(flat[2].end(), 100u);
  EXPECT_EQ(flat[2].row.payload_offset, 30u);
  EXPECT_EQ(flat[3].offset, 100u);
  EXPECT_EQ(flat[3].row.payload_offset, 10u);
}

TEST(Flattened, OfOneAgeTheOneInFrontHolds) {
  const auto flat = flattened({aged(50, 100, 5), aged(0, 100, 5)});
  ASSERT_EQ(flat.size(), 2u);
  EXPECT_EQ(flat[0].end(), 100u);
  EXPECT_EQ(flat[1].offset, 100u);
  EXPECT_EQ(flat[1].row.payload_offset, 50u);
}

}  // namespace
}  // namespace ciaos::fsck
