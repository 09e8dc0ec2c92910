// Passes 4 and 6, and the part of 5 that reads rows alone: a batch holds rows that no engine would write, and is found.
#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/temporary_directory.h"
#include "tools/broken_store.h"

namespace ciaos::fsck {
namespace {

using meta::Counter;

// A small tree with one of everything, and the ids of its parts.
struct Tree {
  BrokenStore store;
  InodeId folder = store.add_directory(kRootInode, "folder");
  InodeId inner = store.add_directory(folder, "inner");
  InodeId file = store.add_file(inner, "file", std::string(5000, 'x'));
  InodeId other = store.add_file(kRootInode, "other", std::string(300, 'y'));
  InodeId link = store.add_symlink(folder, "link", "inner/file");

  meta::CounterRow& counter(Counter key) {
    return *store.rows().counters.at(static_cast<std::uint32_t>(key));
  }
  meta::NameRow& name(InodeId parent, const char* text) { return *store.name(parent, text); }
};

struct Breakage {
  const char* name;
  Problem problem;
  void (*breaks)(Tree&);
  const char* says = "";  // in one of the lines
};

class RowsBroken : public testing::TestWithParam<Breakage> {
 protected:
  test::TemporaryDirectory scratch_;
  Findings check(BrokenStore& store) {
    return store.check(scratch_.path() + "/none", {.scratch_directory = scratch_.path()});
  }
};

TEST_F(RowsBroken, AStoreThatIsWholeIsClean) {
  Tree tree;
  tree.store.commit();
  const Findings findings = check(tree.store);
  ASSERT_TRUE(findings.result) << findings.text();
  EXPECT_EQ(findings.errors, 0u) << findings.text();
  EXPECT_EQ(findings.count(Problem::index_missing), 1u) << "a note, since the next mount makes one";
  EXPECT_EQ(findings.result->totals.inodes, 6u);
  EXPECT_EQ(findings.result->totals.directories, 3u);
  EXPECT_EQ(findings.result->totals.names, 5u);
  EXPECT_EQ(findings.result->totals.stored_bytes, 5300u);
}

TEST_P(RowsBroken, IsFoundAndNamed) {
  const Breakage& breakage = GetParam();
  Tree tree;
  tree.store.commit();
  breakage.breaks(tree);
  tree.store.commit();
  const Findings findings = check(tree.store);
  ASSERT_TRUE(findings.result) << findings.text();
  EXPECT_GE(findings.count(breakage.problem), 1u) << findings.text();
  EXPECT_NE(findings.text().find(breakage.says), std::string::npos) << findings.text();
  const bool note = entry_of(breakage.problem).severity == Severity::note;
  EXPECT_EQ(findings.errors == 0, note) << findings.text();
}

const Breakage kNamesAndLinks[] = {
    {"NoRoot", Problem::root_missing, [](Tree& t) { t.store.rows().inodes.erase(kRootInode); }},
    {"RootIsAFile", Problem::root_not_a_directory,
     [](Tree& t) { t.store.inode(kRootInode).mode = S_IFREG | 0644; }},
    {"NameLeadsNowhere", Problem::name_without_inode,
     [](Tree& t) { t.name(t.inner, "file").child = InodeId(999); }, "\"/folder/inner\""},
    {"NameHasAnotherType", Problem::name_type_wrong, [](Tree& t) { t.name(t.inner, "file").type = DT_DIR; },
     "\"file\""},
    {"NameInAFile", Problem::name_in_no_directory,
     [](Tree& t) {
       t.store.rows().names.emplace(meta::NameKey{t.file, "x"}, meta::NameRow{t.other, 99, DT_REG});
     }},
    {"PositionIsGivenAgain", Problem::position_not_below_next,
     [](Tree& t) { t.name(kRootInode, "other").position = t.store.inode(kRootInode).next_position; }},
    {"PositionOfDotDot", Problem::position_not_below_next,
     [](Tree& t) { t.store.inode(t.inner).next_position = 2; }},
    {"EntriesMiscounted", Problem::entries_wrong, [](Tree& t) { ++t.store.inode(t.folder).entries; },
     "\"/folder\""},
    {"FileLinksMiscounted", Problem::links_wrong, [](Tree& t) { t.store.inode(t.file).links = 2; },
     "\"/folder/inner/file\""},
    {"DirectoryLinksMiscounted", Problem::links_wrong, [](Tree& t) { t.store.inode(t.folder).links = 2; }},
    {"FileWithoutName", Problem::inode_without_name,
     [](Tree& t) {
       t.store.rows().names.erase({kRootInode, "other"});
       --t.store.inode(kRootInode).entries;
     }},
    {"Orphan", Problem::orphan,
     [](Tree& t) {
       t.store.rows().names.erase({kRootInode, "other"});
       --t.store.inode(kRootInode).entries;
       t.store.inode(t.other).links = 0;
     }},
    {"DirectoryHasTwoNames", Problem::directory_named_twice,
     [](Tree& t) {
       const std::uint64_t position = t.store.inode(kRootInode).next_position++;
       t.store.rows().names.emplace(meta::NameKey{kRootInode, "again"},
                                    meta::NameRow{t.inner, position, DT_DIR});
       ++t.store.inode(kRootInode).entries;
       ++t.store.inode(kRootInode).links;
     }},
    {"ParentIsAnother", Problem::parent_wrong, [](Tree& t) { t.store.inode(t.inner).parent = kRootInode; }},
    {"DirectoriesInACircle", Problem::directory_unreachable,
     [](Tree& t) {
       t.store.rows().names.erase({kRootInode, "folder"});
       --t.store.inode(kRootInode).entries;
       --t.store.inode(kRootInode).links;
       const std::uint64_t position = t.store.inode(t.inner).next_position++;
       t.store.rows().names.emplace(meta::NameKey{t.inner, "folder"},
                                    meta::NameRow{t.folder, position, DT_DIR});
       ++t.store.inode(t.inner).entries;
       ++t.store.inode(t.inner).links;
       t.store.inode(t.folder).parent = t.inner;
     }},
    {"SymlinkSize", Problem::symlink_size_wrong, [](Tree& t) { ++t.store.inode(t.link).size; }},
    {"AttributeOfNobody", Problem::xattr_without_inode,
     [](Tree& t) {
       t.store.rows().xattrs.emplace(meta::XattrKey{InodeId(999), "user.a"}, meta::XattrRow{"b"});
     }},
};
INSTANTIATE_TEST_SUITE_P(NamesAndLinks, RowsBroken, testing::ValuesIn(kNamesAndLinks),
                         [](const auto& test) { return test.param.name; });

const Breakage kExtents[] = {
    {"ExtentOfNobody", Problem::extent_without_inode,
     [](Tree& t) {
       t.store.rows().extents.emplace(meta::ExtentKey{InodeId(999), 0}, t.store.extent(t.file, 0));
     }},
    {"ExtentOfADirectory", Problem::extent_of_no_file,
     [](Tree& t) {
       t.store.rows().extents.emplace(meta::ExtentKey{t.folder, 0}, t.store.extent(t.file, 0));
     }},
    {"ExtentsOverlap", Problem::extents_overlap,
     [](Tree& t) {
       meta::ExtentRow second = t.store.extent(t.file, 0);
       second.length = 10;
       t.store.rows().extents.emplace(meta::ExtentKey{t.file, 4990}, second);
     },
     "the extent at 4990 begins before the one in front ends, at 5000"},
    {"ExtentPastTheEnd", Problem::extent_past_end, [](Tree& t) { t.store.inode(t.file).size = 4999; }},
    {"StoredBytesMiscounted", Problem::inode_stored_bytes_wrong,
     [](Tree& t) { t.store.inode(t.file).stored_bytes = 1; }},
    {"StoredBytesWithoutExtents", Problem::inode_stored_bytes_wrong,
     [](Tree& t) { t.store.inode(t.folder).stored_bytes = 1; }},
    {"NeedleOutsideItsVolume", Problem::needle_bounds,
     [](Tree& t) { t.store.extent(t.file, 0).needle.at.offset = BrokenStore::kVolumeBytes - 8; }},
    {"NeedleIsAnother", Problem::needle_other, [](Tree& t) { ++t.store.extent(t.file, 0).needle.header_crc; },
     "\"/folder/inner/file\""},
    {"NeedleIsNotThere", Problem::needle_missing,
     [](Tree& t) { t.store.extent(t.file, 0).needle.at.offset += 8; }},
    {"NeedleOfAnEarlierLife", Problem::volume_missing,
     [](Tree& t) { t.store.extent(t.file, 0).needle.at.generation = Generation(7); }},
    {"NeedleInNoVolume", Problem::volume_missing,
     [](Tree& t) { t.store.extent(t.file, 0).needle.at.volume = make_volume_id(0, 4000); },
     "\"/folder/inner/file\""},
};
INSTANTIATE_TEST_SUITE_P(Extents, RowsBroken, testing::ValuesIn(kExtents),
                         [](const auto& test) { return test.param.name; });

const Breakage kAccounting[] = {
    {"CounterMissing", Problem::counter_missing,
     [](Tree& t) { t.store.rows().counters.erase(static_cast<std::uint32_t>(Counter::inodes)); }},
    {"InodesMiscounted", Problem::counter_wrong, [](Tree& t) { ++t.counter(Counter::inodes).value; }},
    {"BytesMiscounted", Problem::counter_wrong, [](Tree& t) { ++t.counter(Counter::stored_bytes).value; }},
    {"NextInodeInUse", Problem::next_inode_too_low,
     [](Tree& t) { t.counter(Counter::next_inode).value = t.link.value(); }},
    {"VolumeDoesNotExist", Problem::volume_without_row,
     [](Tree& t) {
       t.store.rows().volumes.emplace(make_volume_id(0, 4000),
                                      meta::VolumeRow{Generation(1), meta::VolumeState::sealed, Sequence(1)});
     }},
};
INSTANTIATE_TEST_SUITE_P(Accounting, RowsBroken, testing::ValuesIn(kAccounting),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace ciaos::fsck
