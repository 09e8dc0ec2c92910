// Numbers that are kept and could be counted: the counters, and which volumes there are.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "tools/fsck/check.h"

namespace ciaos::fsck {
namespace {

using meta::Counter;

class AccountingPass {
 public:
  explicit AccountingPass(Check& check) : check_(check), report_(check.report) {}

  Status run() {
    TRY_VOID(for_each_row(*check_.rows, [this](const meta::Changes& piece) {
      inodes_ += piece.inodes.size();
      if (!piece.inodes.empty()) highest_inode_ = std::max(highest_inode_, piece.inodes.rbegin()->first);
      for (const auto& [key, row] : piece.extents) {
        stored_bytes_ += row->length;
        if (!row->is_reserved()) extent_volumes_.emplace(row->needle.at.volume, key.inode);
      }
      return check_.progress.step(0);
    }));
    TRY_VOID(check_counter(Counter::inodes, inodes_, "inodes"));
    TRY_VOID(check_counter(Counter::stored_bytes, stored_bytes_, "stored bytes"));
    TRY_VOID(check_next_inode());
    return check_volumes();
  }

 private:
  // `least`: what it has to be at least.
  Result<std::optional<std::uint64_t>> counter(Counter key, std::uint32_t index, std::uint64_t least,
                                               const char* what) {
    const std::uint32_t number = static_cast<std::uint32_t>(key) + index;
    const auto value = TRY(check_.rows->counter(number));
    if (!value) {
      report_.add({.problem = Problem::counter_missing, .offset = number, .expected = least, .what = what});
    }
    return value;
  }

  Status check_counter(Counter key, std::uint64_t expected, const char* what) {
    const auto value = TRY(counter(key, 0, expected, what));
    if (value && *value != expected) {
      report_.add({.problem = Problem::counter_wrong,
                   .offset = static_cast<std::uint32_t>(key),
                   .found = *value,
                   .expected = expected,
                   .what = what});
    }
    return {};
  }

  Status check_next_inode() {
    const auto next_inode =
        TRY(counter(Counter::next_inode, 0, highest_inode_.value() + 1, "next inode number"));
    if (next_inode && *next_inode <= highest_inode_.value()) {
      report_.add(
          {.problem = Problem::next_inode_too_low, .found = *next_inode, .expected = highest_inode_.value()});
    }
    return {};
  }

  Status check_volumes() {
    const std::vector<VolumeId> listed = TRY(check_.volumes->existing_volumes());
    const std::set<VolumeId> existing(listed.begin(), listed.end());
    const bool is_raw = check_.superblock.kind == store::StoreKind::raw;
    std::set<VolumeId> rows;
    for (const meta::VolumeUsage& usage : TRY(check_.rows->volumes())) {
      // The index keeps figures for a volume that extents name, whether or not it has a row.
      if (usage.row.generation == Generation()) continue;
      rows.insert(usage.volume);
      if (usage.row.state != meta::VolumeState::free && !existing.contains(usage.volume)) {
        report_.add({.problem = Problem::volume_without_row, .volume = usage.volume});
      }
    }
    for (const auto& [volume, inode] : extent_volumes_) {
      if (rows.contains(volume)) continue;
      report_.add({.problem = Problem::volume_missing, .inode = inode, .volume = volume});
    }
    if (is_raw) return {};  // a slot is always there
    for (const VolumeId volume : existing) {
      if (!rows.contains(volume)) report_.add({.problem = Problem::volume_not_named, .volume = volume});
    }
    return check_next_slots(rows);
  }

  Status check_next_slots(const std::set<VolumeId>& rows) {
    std::map<std::uint32_t, std::uint32_t> highest;
    for (const VolumeId volume : rows) {
      auto& slot = highest[device_of(volume)];
      slot = std::max(slot, slot_of(volume));
    }
    for (const auto& [device, slot] : highest) {
      const auto next_slot = TRY(counter(Counter::next_slot, device, slot + 1, "next volume number"));
      if (next_slot && *next_slot <= slot) {
        report_.add(
            {.problem = Problem::next_slot_too_low, .offset = device, .found = *next_slot, .expected = slot});
      }
    }
    return {};
  }

  Check& check_;
  Report& report_;
  std::uint64_t inodes_ = 0;
  std::uint64_t stored_bytes_ = 0;
  InodeId highest_inode_;
  std::map<VolumeId, InodeId> extent_volumes_;  // and one file that names it
};

}  // namespace

Status pass6_accounting(Check& check) { return AccountingPass(check).run(); }

}  // namespace ciaos::fsck
