#include "tools/breakages.h"

#include <dirent.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "meta/connection.h"
#include "meta/quota_row.h"

namespace ciaos::fsck {
namespace {

using meta::Counter;

VolumePosition inside_payload(const NeedlePlace& place) {
  VolumePosition inside = place.at;
  inside.offset = store::payload_position(place.at.offset, place.payload_bytes) + place.payload_bytes / 2;
  return inside;
}

// The folder and what is in it become a quota tree, which is counted right: two directories, a link and a file.
meta::XattrRow& make_quota_tree(Tree& t) {
  for (const InodeId id : {t.folder, t.inner, t.link, t.file}) t.store.inode(id).quota_root = t.folder;
  const meta::QuotaRow row{.bytes_max = 1u << 20, .files_max = 10, .bytes = 5120, .files = 4};
  const meta::XattrKey key{t.folder, std::string(meta::kQuotaXattr)};
  return *t.store.rows().xattrs.emplace(key, meta::XattrRow{encode_quota(row)}).first->second;
}

void change_index(const std::string& index, const char* sql) {
  auto database = meta::Connection::open(index + "/index.sqlite", meta::Connection::Access::write);
  CIAOS_ASSERT(database.ok() && database->execute(sql).ok());
}

const Breakage kRows[] = {
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
     },
     "", Outcome::note},
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
     [](Tree& t) { t.store.extent(t.file, 0).needle.at.offset = BrokenStore::kVolumeBytes - 8; }, "",
     Outcome::left_for_cut},
    {"NeedleIsAnother", Problem::needle_other, [](Tree& t) { ++t.store.extent(t.file, 0).needle.header_crc; },
     "\"/folder/inner/file\"", Outcome::left_for_cut},
    {"NeedleIsNotThere", Problem::needle_missing,
     [](Tree& t) { t.store.extent(t.file, 0).needle.at.offset += 8; }, "", Outcome::left_for_cut},
    {"NeedleOfAnEarlierLife", Problem::volume_missing,
     [](Tree& t) { t.store.extent(t.file, 0).needle.at.generation = Generation(7); }, "",
     Outcome::left_for_cut},
    {"NeedleInNoVolume", Problem::volume_missing,
     [](Tree& t) { t.store.extent(t.file, 0).needle.at.volume = make_volume_id(0, 4000); },
     "\"/folder/inner/file\"", Outcome::left_for_cut},
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
    {"QuotaMiscountsBytes", Problem::quota_wrong,
     [](Tree& t) {
       make_quota_tree(t).value =
           encode_quota(meta::QuotaRow{.bytes_max = 1u << 20, .files_max = 10, .bytes = 5000, .files = 4});
     },
     "\"/folder\""},
    {"QuotaMiscountsBoth", Problem::quota_wrong,
     [](Tree& t) { make_quota_tree(t).value = encode_quota(meta::QuotaRow{.bytes_max = 1, .files_max = 2}); },
     "counts 0 files, there are 4"},
    {"QuotaIsDamaged", Problem::quota_lost, [](Tree& t) { make_quota_tree(t).value = "no quota"; },
     "damaged"},
    {"QuotaIsGone", Problem::quota_lost,
     [](Tree& t) {
       make_quota_tree(t);
       t.store.rows().xattrs.clear();
     },
     "5120 bytes in 4 files"},
    {"QuotaOfNoRoot", Problem::quota_root_missing,
     [](Tree& t) { t.store.inode(t.other).quota_root = InodeId(999); }, "\"/other\""},
    {"NextVolumeWasUsed", Problem::next_slot_too_low,
     [](Tree& t) { t.counter(Counter::next_slot).value = 0; }, "", Outcome::repaired, true},
};

const Breakage kBytes[] = {
    {"OneSuperblockCopy", Problem::superblock_copy_damaged, [](Tree& t) { t.store.flip_device(100); }},
    {"SuperblockCopiesDiffer", Problem::superblock_copies_differ,
     [](Tree& t) {
       store::Superblock other = t.store.volumes().superblock();
       other.label = "somebody else's";
       t.store.put_first_superblock(other);
     }},
    {"SuperblockUpdateCutShort", Problem::superblock_copy_behind,
     [](Tree& t) {
       store::Superblock older = t.store.volumes().superblock();
       --older.counter;
       t.store.put_first_superblock(older);
     }},
    {"NoSuperblock", Problem::superblock_none_valid,
     [](Tree& t) {
       t.store.flip_device(100);
       t.store.flip_device(BrokenStore::kDeviceBytes - store::kBlockBytes + 100);
     },
     "", Outcome::left},
    {"HalfAStore", Problem::devices_disagree,
     [](Tree& t) {
       store::Superblock half = t.store.volumes().superblock();
       half.device_count = 2;
       half.counter += 5;
       t.store.put_first_superblock(half);
     },
     "", Outcome::left},
    {"Snapshot", Problem::snapshot_damaged, [](Tree& t) { t.store.flip(t.store.write_snapshot().at); }},
    {"LogInTheMiddle", Problem::log_damaged,
     [](Tree& t) {
       const TxnRef middle = t.store.commit();
       t.store.commit();
       t.store.commit();
       t.store.flip(middle.at);
     },
     "", Outcome::left},
    {"LogBeginsNowhere", Problem::log_start_missing,
     [](Tree& t) { t.store.flip(t.store.volumes().superblock().log_start); }, "", Outcome::left},
    {"LogBeginsInTheIndex", Problem::log_only_in_index,
     [](Tree& t) {
       t.store.build_index(t.index);
       t.store.flip(t.store.volumes().superblock().log_start);
     }},
    {"LogCannotBeRead", Problem::log_unreadable,
     [](Tree& t) {
       t.store.write_snapshot();
       t.store.add_file(kRootInode, "between", std::string(120'000, 'b'));
       t.store.commit();
       t.store.add_file(kRootInode, "them", std::string(120'000, 'b'));
       t.store.commit();
       t.store.refuse_to_read(t.store.commit().at, 64);
     },
     "", Outcome::left},
    {"RecordsDoNotDecode", Problem::records_damaged,
     [](Tree& t) { t.store.commit_records(as_bytes("these are no records")); }, "", Outcome::left},
    {"RecordsContradict", Problem::records_contradict,
     [](Tree& t) {
       meta::Changes changes;
       changes.names.emplace(meta::NameKey{kRootInode, "b"}, t.name(kRootInode, "other"));
       t.store.commit_records(meta::encode_changes(changes));
     },
     "", Outcome::left},
    {"EpochAboveTheSuperblocks", Problem::epoch_above_superblock,
     [](Tree& t) {
       store::Superblock older = t.store.volumes().superblock();
       older.epoch = Epoch(1);
       t.store.put_superblocks(older);
     }},
    {"TornTail", Problem::torn_tail,
     [](Tree& t) {
       const InodeId torn = t.store.add_file(kRootInode, "torn", "never finished");
       t.store.commit();
       t.store.flip(t.store.extent(torn, 0).needle.at);
     },
     "", Outcome::note},
    {"NoIndex", Problem::index_missing, [](Tree& t) { std::filesystem::remove_all(t.index); }},
    {"IndexIsNoDatabase", Problem::index_damaged,
     [](Tree& t) {
       std::filesystem::create_directory(t.index);
       std::ofstream(t.index + "/index.sqlite") << std::string(8192, '!');
     }},
    {"IndexOfAnotherLog", Problem::index_foreign,
     [](Tree& t) {
       BrokenStore twin;  // the same uuid, another life
       twin.add_file(kRootInode, "elsewhere", "x");
       twin.commit();
       twin.build_index(t.index);
     }},
    {"IndexBehind", Problem::index_behind,
     [](Tree& t) {
       t.store.build_index(t.index);
       t.store.commit();
     },
     "", Outcome::note},
    {"IndexHasAnotherRow", Problem::index_row_differs,
     [](Tree& t) {
       t.store.build_index(t.index);
       change_index(t.index, "UPDATE counters SET value=value+1 WHERE id=2");
     }},
    {"IndexMiscountsUsage", Problem::index_usage_differs,
     [](Tree& t) {
       t.store.build_index(t.index);
       change_index(t.index, "UPDATE usage SET bytes=bytes+1");
     }},
    {"NeedleIsDamaged", Problem::needle_missing,
     [](Tree& t) { t.store.flip(t.store.extent(t.file, 0).needle.at); }, "\"/folder/inner/file\"",
     Outcome::left_for_cut},
    {"NeedleIsRefused", Problem::needle_unreadable,
     [](Tree& t) {
       t.leave_first_volume();
       t.store.refuse_to_read(t.store.extent(t.file, 0).needle.at, 64);
     },
     "\"/folder/inner/file\"", Outcome::left},
    {"PayloadIsDamaged", Problem::payload_damaged,
     [](Tree& t) { t.store.flip(inside_payload(t.store.extent(t.file, 0).needle)); }, "", Outcome::left},
    {"PayloadIsRefused", Problem::payload_unreadable,
     [](Tree& t) {
       t.leave_first_volume();
       t.store.refuse_to_read(inside_payload(t.store.extent(t.large, 0).needle), 8);
     },
     "", Outcome::left},
    {"OnlyTheIndexMiscountsUsage", Problem::usage_wrong,
     [](Tree& t) {
       t.store.build_index(t.index);
       t.store.flip(t.store.volumes().superblock().log_start);
       change_index(t.index, "UPDATE usage SET bytes=bytes+1");
     }},
    {"VolumeOfNobody", Problem::volume_not_named,
     [](Tree& t) { CIAOS_ASSERT(t.store.volumes().create_volume(make_volume_id(0, 9)).ok()); }, "",
     Outcome::note, true},
};

}  // namespace

Tree::Tree(bool in_folder) : store(in_folder ? place.path() + "/store" : std::string()) {
  store.commit();
  store.commit();  // so that the first is proven, whatever happens to its needles
}

void Tree::leave_first_volume() {
  const VolumeId first = store.tail().volume;
  for (int i = 0; store.tail().volume == first; ++i) {
    const InodeId added = store.add_file(kRootInode, "large" + std::to_string(i), std::string(120'000, 'l'));
    if (i == 0) large = added;
    store.commit();
  }
  store.commit();
  store.write_snapshot();
}

Findings Tree::check(const Answers* answers, bool check_data) {
  return store.check(index, {.check_data = check_data, .scratch_directory = place.path()}, answers);
}

std::span<const Breakage> row_breakages() { return kRows; }
std::span<const Breakage> byte_breakages() { return kBytes; }

void break_rows(Tree& tree, const Breakage& breakage) {
  breakage.breaks(tree);
  tree.store.commit();
}

}  // namespace ciaos::fsck
