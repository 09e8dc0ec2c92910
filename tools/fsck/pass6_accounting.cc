// Numbers that are kept and could be counted: the counters, which volumes there are, and quotas.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "meta/quota_row.h"
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
      for (const auto& [id, row] : piece.inodes) count_for_quota(id, *row);
      for (const auto& [key, row] : piece.xattrs) {
        if (key.name == meta::kQuotaXattr) quotas_.emplace(key.inode, meta::decode_quota(row->value));
      }
      for (const auto& [key, row] : piece.extents) {
        stored_bytes_ += row->length;
        if (!row->is_reserved()) extent_volumes_.emplace(row->needle.at.volume, key.inode);
      }
      return check_.progress.step(0);
    }));
    TRY_VOID(check_counter(Counter::inodes, inodes_, "inodes"));
    TRY_VOID(check_counter(Counter::stored_bytes, stored_bytes_, "stored bytes"));
    TRY_VOID(check_next_inode());
    TRY_VOID(check_quotas());
    return check_volumes();
  }

 private:
  struct Tree {
    meta::QuotaRow counted;
    bool has_root = false;
  };

  void count_for_quota(InodeId id, const meta::InodeRow& row) {
    if (row.quota_root == InodeId()) return;
    Tree& tree = trees_[row.quota_root];
    tree.counted.bytes += meta::charged_bytes(row.stored_bytes);
    ++tree.counted.files;
    if (row.quota_root == id) tree.has_root = true;
  }

  Status check_quotas() {
    bool without_root = false;
    for (const auto& [root, tree] : trees_) {
      if (tree.has_root) {
        check_quota(root, tree.counted);
      } else {
        without_root = true;
      }
    }
    if (!without_root) return {};
    return for_each_row(*check_.rows, [this](const meta::Changes& piece) {
      for (const auto& [id, row] : piece.inodes) {
        // What is not yet freed may outlive its tree.
        if (row->quota_root == InodeId() || row->links == 0 || trees_.at(row->quota_root).has_root) continue;
        report_.add({.problem = Problem::quota_root_missing, .inode = id, .found = row->quota_root.value()});
      }
      return check_.progress.step(0);
    });
  }

  void check_quota(InodeId root, const meta::QuotaRow& counted) {
    const auto kept = quotas_.find(root);
    if (kept == quotas_.end() || !kept->second) {
      report_.add({.problem = Problem::quota_lost,
                   .inode = root,
                   .found = counted.bytes,
                   .expected = counted.files,
                   .what = kept == quotas_.end() ? "missing" : "damaged"});
      return;
    }
    const auto compare = [&](std::uint64_t found, std::uint64_t expected, const char* what) {
      if (found == expected) return;
      report_.add({.problem = Problem::quota_wrong,
                   .inode = root,
                   .found = found,
                   .expected = expected,
                   .what = what});
    };
    compare(kept->second->bytes, counted.bytes, "bytes");
    compare(kept->second->files, counted.files, "files");
  }

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
  std::map<InodeId, Tree> trees_;
  std::map<InodeId, std::optional<meta::QuotaRow>> quotas_;  // nothing: damaged
  std::map<VolumeId, InodeId> extent_volumes_;               // and one file that names it
};

}  // namespace

Status pass6_accounting(Check& check) { return AccountingPass(check).run(); }

}  // namespace ciaos::fsck
