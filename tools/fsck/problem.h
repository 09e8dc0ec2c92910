// Everything fsck can find, in one table: its code, its sentence, how bad it is, what puts it right and who has to agree.
// Passes report what they find by name; words and consequences are here.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/log_position.h"
#include "base/result.h"

namespace ciaos::fsck {

enum class Problem : std::uint8_t {
  // Pass 1: superblocks
  superblock_copy_damaged,
  superblock_copies_differ,
  superblock_copy_behind,
  superblock_none_valid,
  devices_disagree,
  // Pass 2: log
  snapshot_damaged,
  log_damaged,
  log_start_missing,
  log_unreadable,
  records_damaged,
  records_contradict,
  epoch_above_superblock,
  torn_tail,
  log_only_in_index,
  // Pass 3: index against log
  index_missing,
  index_damaged,
  index_foreign,
  index_behind,
  index_row_differs,
  index_usage_differs,
  // Pass 4: names and links
  root_missing,
  root_not_a_directory,
  name_without_inode,
  name_type_wrong,
  name_in_no_directory,
  position_not_below_next,
  entries_wrong,
  links_wrong,
  inode_without_name,
  directory_named_twice,
  parent_wrong,
  directory_unreachable,
  symlink_size_wrong,
  xattr_without_inode,
  orphan,
  // Pass 5: extents and needles
  extent_without_inode,
  extent_of_no_file,
  extents_overlap,
  extent_past_end,
  inode_stored_bytes_wrong,
  needle_bounds,
  needle_missing,
  needle_other,
  needle_unreadable,
  volume_missing,
  payload_damaged,
  payload_unreadable,
  // Pass 6: accounting
  counter_missing,
  counter_wrong,
  next_inode_too_low,
  next_slot_too_low,
  volume_without_row,
  volume_not_named,
  usage_wrong,
  quota_wrong,
  quota_lost,
  quota_root_missing,
};

// note: worth knowing, nothing is wrong. error: wrong. fatal: wrong, and what comes after cannot be checked.
enum class Severity : std::uint8_t { note, error, fatal };

// What puts a problem right. Those from cut to totals change rows, and in this order: each stands on the ones before it,
// and what it finds to do is counted again after them.
enum class Remedy : std::uint8_t {
  none,         // nothing that fsck may write, or the next mount does it anyway
  superblocks,  // written again from what the best copy and the log say
  cut,          // the row of bytes that are lost goes, a hole stays
  inodes,       // an inode that has to be there is made
  structure,    // names, attributes and extents that contradict others
  connection,   // what no name leads to goes into lost+found
  counts,       // numbers kept in inodes, and rows of volumes
  totals,       // counters of the whole store
  snapshot,     // a new one is written
  index,        // built anew beside the old one, and swapped
};

// Whose word is enough.
enum class Consent : std::uint8_t {
  unasked,     // -p: nothing that a user stored depends on how
  asked,       // -y, or a yes on the terminal
  explicitly,  // a yes on the terminal, or -y together with --cut-lost: bytes of a file are given up
};

struct ProblemEntry {
  Problem problem = Problem::superblock_copy_damaged;
  const char* code = "";      // stable: scripts and manuals cite it
  const char* sentence = "";  // {file} {name} {quoted} {volume} {offset} {found} {expected} {what}
  Severity severity = Severity::error;
  Remedy remedy = Remedy::none;
  Consent consent = Consent::asked;
  const char* question = "";  // what a yes does
};

inline constexpr std::size_t kProblems = static_cast<std::size_t>(Problem::quota_root_missing) + 1;
const std::array<ProblemEntry, kProblems>& problem_table();
const ProblemEntry& entry_of(Problem problem);

// One thing found. Only the fields that its sentence cites need be set.
struct Finding {
  Problem problem;
  InodeId inode;     // {file}: its path, or its number where no path leads to it
  std::string name;  // {name}, {quoted}: with what a terminal might obey escaped
  VolumeId volume;
  std::uint64_t offset = 0;
  std::uint64_t found = 0;
  std::uint64_t expected = 0;
  std::string what;
};

// The sentence with its values. `file` stands for {file}.
std::string describe(const Finding& finding, const std::string& file);

// In quotes. Names are bytes from a disk: what a terminal or a log might obey is escaped.
std::string in_quotes(const std::string& name);

// Exit codes of fsck(8); they are ORed.
inline constexpr int kExitClean = 0;
inline constexpr int kExitCorrected = 1;
inline constexpr int kExitUncorrected = 4;
inline constexpr int kExitOperational = 8;
inline constexpr int kExitUsage = 16;
inline constexpr int kExitCancelled = 32;

}  // namespace ciaos::fsck
