#include "tools/fsck/problem.h"

#include <fmt/format.h>

namespace ciaos::fsck {
namespace {

using P = Problem;
constexpr std::array<ProblemEntry, kProblems> kTable{{
    {P::superblock_copy_damaged, "1-01", "{name}: superblock copy {found} is damaged: {what}",
     Severity::error, Remedy::superblocks, Consent::unasked, "Write it again from the good one"},
    {P::superblock_copies_differ, "1-02", "{name}: superblock copies of the same counter {found} differ",
     Severity::error, Remedy::superblocks, Consent::asked, "Write both as the first one is"},
    {P::superblock_copy_behind, "1-03",
     "{name}: superblock copy {offset} has counter {found}, the newest has {expected}: an update was cut "
     "short",
     Severity::note, Remedy::superblocks, Consent::unasked, "Bring it up to date"},
    {P::superblock_none_valid, "1-04", "{name}: no superblock copy is valid: {what}", Severity::fatal},
    {P::devices_disagree, "1-05", "the devices are not one whole store: {what}", Severity::fatal},

    {P::snapshot_damaged, "2-01",
     "the snapshot of the index at volume {volume}, offset {offset} is damaged: {what}", Severity::error,
     Remedy::snapshot, Consent::unasked, "Write a new one"},
    {P::log_damaged, "2-02", "the log is damaged behind batch {found}, and goes on after the damage: {what}",
     Severity::fatal},
    {P::log_start_missing, "2-03",
     "the log cannot be read from its beginning, and neither snapshot nor index stands in for it: {what}",
     Severity::fatal},
    {P::log_unreadable, "2-04", "the log cannot be read behind batch {found}: {what}", Severity::fatal},
    {P::records_damaged, "2-05", "the records of batch {found} do not decode: {what}", Severity::fatal},
    {P::records_contradict, "2-06", "the records of batch {found} do not fit the rows before them: {what}",
     Severity::fatal},
    {P::epoch_above_superblock, "2-07", "batch {offset} has epoch {found}, the superblocks say {expected}",
     Severity::error, Remedy::superblocks, Consent::unasked, "Raise it"},
    {P::torn_tail, "2-08",
     "behind batch {found} lies a batch that was never finished; the next mount forgets it", Severity::note},
    {P::log_only_in_index, "2-09",
     "the log cannot be read from its beginning, and only the index at {name} stands in for it",
     Severity::error, Remedy::snapshot, Consent::unasked, "Write a snapshot"},

    {P::index_missing, "3-01", "there is no index at {name}; the next mount would build it from the volumes",
     Severity::note, Remedy::index, Consent::unasked, "Build it"},
    {P::index_damaged, "3-02", "the index at {name} is damaged: {what}", Severity::error, Remedy::index,
     Consent::unasked, "Build a new one"},
    {P::index_foreign, "3-03",
     "the index at {name} belongs to another log: {what}; the next mount would build a new one",
     Severity::note, Remedy::index, Consent::unasked, "Build a new one"},
    {P::index_behind, "3-04",
     "the index is at batch {found}, the log at {expected}; the next mount replays the rest", Severity::note},
    {P::index_row_differs, "3-05", "the index has another row than the log for {what} ({file})",
     Severity::error, Remedy::index, Consent::unasked, "Build a new index"},
    {P::index_usage_differs, "3-06",
     "the index counts {found} bytes of extents in volume {volume}, the log's rows have {expected}",
     Severity::error, Remedy::index, Consent::unasked, "Build a new index"},

    {P::root_missing, "4-01", "there is no root directory", Severity::error, Remedy::inodes, Consent::asked,
     "Make one"},
    {P::root_not_a_directory, "4-02", "inode 1 is no directory but has mode {found:o}", Severity::error,
     Remedy::inodes, Consent::asked, "Make it a directory"},
    {P::name_without_inode, "4-03", "{file} has the name {quoted} for inode {found}, which does not exist",
     Severity::error, Remedy::structure, Consent::unasked, "Remove the name"},
    {P::name_type_wrong, "4-04", "{file} has the name {quoted} with type {found}, the inode's is {expected}",
     Severity::error, Remedy::structure, Consent::unasked, "Correct the name"},
    {P::name_in_no_directory, "4-05", "the name {quoted} is in {file}, which is no directory",
     Severity::error, Remedy::structure, Consent::asked,
     "Make the directory if there is none, else remove the name"},
    {P::position_not_below_next, "4-06",
     "{file}: a name has position {found}, the next to be given is {expected}", Severity::error,
     Remedy::counts, Consent::unasked, "Correct it"},
    {P::entries_wrong, "4-07", "{file}: counts {found} names, has {expected}", Severity::error,
     Remedy::counts, Consent::unasked, "Correct it"},
    {P::links_wrong, "4-08", "{file}: link count is {found}, should be {expected}", Severity::error,
     Remedy::counts, Consent::unasked, "Correct it"},
    {P::inode_without_name, "4-09", "{file}: link count is {found}, but no name leads to it", Severity::error,
     Remedy::connection, Consent::asked, "Put it into lost+found"},
    {P::directory_named_twice, "4-10", "{file}: a directory with {found} names", Severity::error,
     Remedy::structure, Consent::asked, "Keep one of them"},
    {P::parent_wrong, "4-11", "{file}: says its parent is inode {found}, its name is in inode {expected}",
     Severity::error, Remedy::counts, Consent::unasked, "Correct it"},
    {P::directory_unreachable, "4-12", "{file}: a directory that cannot be reached from the root",
     Severity::error, Remedy::connection, Consent::asked, "Put it into lost+found"},
    {P::symlink_size_wrong, "4-13",
     "{file}: a symbolic link of size {found} whose target has {expected} bytes", Severity::error,
     Remedy::structure, Consent::unasked, "Correct the size"},
    {P::xattr_without_inode, "4-14", "attribute {quoted} belongs to inode {found}, which does not exist",
     Severity::error, Remedy::structure, Consent::unasked, "Remove the attribute"},
    {P::orphan, "4-15", "{file}: has no links; the next mount frees it", Severity::note},

    {P::extent_without_inode, "5-01", "an extent belongs to inode {found}, which does not exist",
     Severity::error, Remedy::inodes, Consent::asked, "Make a file of them"},
    {P::extent_of_no_file, "5-02", "{file}: has extents and is no regular file", Severity::error,
     Remedy::structure, Consent::asked, "Make a file of them in lost+found"},
    {P::extents_overlap, "5-03",
     "{file}: the extent at {offset} begins before the one in front ends, at {expected}", Severity::error,
     Remedy::structure, Consent::asked, "Let the newer bytes hold"},
    {P::extent_past_end, "5-04", "{file}: an extent ends at {found}, the file at {expected}", Severity::error,
     Remedy::counts, Consent::asked, "Let the file end there"},
    {P::inode_stored_bytes_wrong, "5-05", "{file}: counts {found} stored bytes, has {expected}",
     Severity::error, Remedy::counts, Consent::unasked, "Correct it"},
    {P::needle_bounds, "5-06",
     "{file}: bytes from {found} lie in a needle outside of volume {volume}, at {offset}", Severity::error,
     Remedy::cut, Consent::explicitly, "Leave a hole"},
    {P::needle_missing, "5-07",
     "{file}: bytes from {found} are lost, no valid needle at volume {volume}, offset {offset}: {what}",
     Severity::error, Remedy::cut, Consent::explicitly, "Leave a hole"},
    {P::needle_other, "5-08",
     "{file}: bytes from {found} are lost, another needle lies at volume {volume}, offset {offset}",
     Severity::error, Remedy::cut, Consent::explicitly, "Leave a hole"},
    {P::needle_unreadable, "5-09",
     "{file}: bytes from {found} cannot be read, volume {volume}, offset {offset}: {what}", Severity::error},
    {P::volume_missing, "5-10",
     "{file}: bytes from {found} lie in volume {volume} (life {expected}), which does not exist",
     Severity::error, Remedy::cut, Consent::explicitly, "Leave a hole"},
    {P::payload_damaged, "5-11",
     "{file}: bytes from {found} are damaged, volume {volume}, offset {offset}: {what}", Severity::error},
    {P::payload_unreadable, "5-12",
     "{file}: bytes from {found} cannot be read, volume {volume}, offset {offset}: {what}", Severity::error},

    {P::counter_missing, "6-01", "the store does not count its {what}", Severity::error, Remedy::totals,
     Consent::unasked, "Count it"},
    {P::counter_wrong, "6-02", "the store counts {found} {what}, has {expected}", Severity::error,
     Remedy::totals, Consent::unasked, "Correct it"},
    {P::next_inode_too_low, "6-03", "the next inode number is {found}, but {expected} is in use",
     Severity::error, Remedy::totals, Consent::unasked, "Raise it"},
    {P::next_slot_too_low, "6-04",
     "the next volume number of device {offset} is {found}, but {expected} was used", Severity::error,
     Remedy::totals, Consent::unasked, "Raise it"},
    {P::volume_without_row, "6-05", "volume {volume} is listed as in use, but does not exist",
     Severity::error, Remedy::counts, Consent::asked, "Forget it if no file needs it"},
    {P::volume_not_named, "6-06", "volume {volume} exists and no row names it; the next mount gives it back",
     Severity::note},
    {P::usage_wrong, "6-07", "volume {volume}: {found} {what} are counted, there are {expected}",
     Severity::error, Remedy::index, Consent::unasked, "Build a new index"},
    {P::quota_wrong, "6-08", "{file}: its quota counts {found} {what}, there are {expected}", Severity::error,
     Remedy::totals, Consent::unasked, "Correct it"},
    {P::quota_lost, "6-09", "{file}: its quota is {what}; there are {found} bytes in {expected} files",
     Severity::error, Remedy::totals, Consent::asked, "Count them, without a limit"},
    {P::quota_root_missing, "6-10", "{file}: counts for the quota of inode {found}, which has none",
     Severity::error, Remedy::counts, Consent::asked, "Let it count for none"},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<std::size_t>(kTable[i].problem) != i) return false;
  }
  return true;
}
static_assert(in_order(), "the table has a row for each problem, in the order of the enum");

std::string volume_text(VolumeId volume) {
  return device_of(volume) == 0 ? fmt::format("{}", slot_of(volume))
                                : fmt::format("{} of device {}", slot_of(volume), device_of(volume));
}

}  // namespace

std::string in_quotes(const std::string& name) {
  std::string text = "\"";
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      text += '\\';
      text += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      text += fmt::format("\\x{:02x}", byte);
    } else {
      text += c;
    }
  }
  return text + '"';
}

const std::array<ProblemEntry, kProblems>& problem_table() { return kTable; }

const ProblemEntry& entry_of(Problem problem) { return kTable[static_cast<std::size_t>(problem)]; }

std::string describe(const Finding& finding, const std::string& file) {
  return fmt::format(fmt::runtime(entry_of(finding.problem).sentence), fmt::arg("file", file),
                     fmt::arg("name", finding.name), fmt::arg("quoted", in_quotes(finding.name)),
                     fmt::arg("volume", volume_text(finding.volume)), fmt::arg("offset", finding.offset),
                     fmt::arg("found", finding.found), fmt::arg("expected", finding.expected),
                     fmt::arg("what", finding.what));
}

}  // namespace ciaos::fsck
