#include "tools/fsck/row_repairs.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "meta/first_rows.h"
#include "meta/quota_row.h"
#include "tools/fsck/extent_repairs.h"
#include "tools/fsck/lost_found.h"

namespace ciaos::fsck {
namespace {

using meta::InodeRow;
using meta::NameKey;

constexpr std::uint32_t kFoundMode = 0700;

bool wants_all_names(const Finding& finding) {
  return finding.problem == Problem::directory_named_twice ||
         finding.problem == Problem::directory_unreachable;
}

InodeRow empty_directory() {
  InodeRow row;
  row.mode = S_IFDIR | kFoundMode;
  row.links = 2;
  row.next_position = meta::kFirstPosition;
  return row;
}

class RowRepairs {
 public:
  RowRepairs(Check& check, RowEdits& edits) : check_(check), edits_(edits) {}

  Status run(const std::vector<Finding>& findings) {
    TRY_VOID(collect_names(findings));
    for (const Finding& finding : findings) {
      TRY_VOID(check_.progress.step(0));
      TRY_VOID(repair(finding));
    }
    return {};
  }

 private:
  // The names of the directories in question: one walk for all of them.
  Status collect_names(const std::vector<Finding>& findings) {
    std::set<InodeId> wanted;
    for (const Finding& finding : findings) {
      if (wants_all_names(finding)) wanted.insert(finding.inode);
    }
    if (wanted.empty()) return {};
    return for_each_row(*check_.rows, [&](const meta::Changes& piece) {
      for (const auto& [key, row] : piece.names) {
        if (wanted.contains(row->child)) names_[row->child].push_back(key);
      }
      return Status();
    });
  }

  Status repair(const Finding& f) {
    switch (entry_of(f.problem).remedy) {
      case Remedy::cut: edits_.remove_extent({f.inode, f.found}); return {};
      case Remedy::inodes: return make_inode(f);
      case Remedy::structure: return repair_structure(f);
      case Remedy::connection: return repair_connection(f);
      case Remedy::counts: return repair_count(f);
      case Remedy::totals: return repair_total(f);
      case Remedy::none:
      case Remedy::superblocks:
      case Remedy::snapshot:
      case Remedy::index: break;
    }
    return fail(EINVAL, "no repair of rows");
  }

  Status make_inode(const Finding& f) {
    if (f.problem == Problem::extent_without_inode)
      return make_file_of_extents(edits_, InodeId(f.found), kFoundMode);
    InodeRow* const root = TRY(edits_.inode(kRootInode));
    InodeRow row = root != nullptr ? *root : empty_directory();
    row.mode = S_IFDIR | (root != nullptr ? root->mode & 07777 : 0755);
    row.parent = InodeId();
    edits_.put_inode(kRootInode, row);
    return {};
  }

  Status repair_structure(const Finding& f) {
    switch (f.problem) {
      case Problem::name_without_inode: return edits_.remove_name({f.inode, f.name});
      case Problem::name_type_wrong: return correct_type(f);
      case Problem::name_in_no_directory: return make_directory_or_remove_name(f);
      case Problem::directory_named_twice: return keep_one_name(f);
      case Problem::symlink_size_wrong:
        return change(f.inode, [&](InodeRow& row) { row.size = row.content.size(); });
      case Problem::xattr_without_inode: edits_.remove_xattr({InodeId(f.found), f.name}); return {};
      case Problem::extent_of_no_file:
      case Problem::extents_overlap: return repair_file(f);
      default: return fail(EINVAL, "no repair of structure");
    }
  }

  // All of a file's rows are edited at once, and once; what is wrong then is for the next look.
  Status repair_file(const Finding& f) {
    if (!files_.insert(f.inode).second) return {};
    return f.problem == Problem::extents_overlap ? let_newer_bytes_hold(check_, edits_, f.inode)
                                                 : move_extents_to_file(edits_, f.inode, kFoundMode);
  }

  Status correct_type(const Finding& f) {
    auto row = TRY(edits_.name({f.inode, f.name}));
    if (!row) return {};
    row->type = static_cast<std::uint8_t>(f.expected);
    edits_.change_name({f.inode, f.name}, *row);
    return {};
  }

  // A directory whose row is gone is worth more than the names in it that would go.
  Status make_directory_or_remove_name(const Finding& f) {
    const InodeRow* const parent = TRY(edits_.inode(f.inode));
    if (parent == nullptr) {
      edits_.put_inode(f.inode, empty_directory());
      return {};
    }
    return S_ISDIR(parent->mode) ? Status() : edits_.remove_name({f.inode, f.name});
  }

  // The one where the directory itself says that it is.
  Status keep_one_name(const Finding& f) {
    const InodeRow* const row = TRY(edits_.inode(f.inode));
    const std::vector<NameKey>& names = names_[f.inode];
    auto kept = std::find_if(names.begin(), names.end(),
                             [&](const NameKey& key) { return row != nullptr && key.parent == row->parent; });
    if (kept == names.end()) kept = names.begin();
    for (auto name = names.begin(); name != names.end(); ++name) {
      if (name != kept || f.inode == kRootInode) TRY_VOID(edits_.remove_name(*name));
    }
    return {};
  }

  Status repair_connection(const Finding& f) {
    // One of a circle is taken out of the directory that is below it.
    for (const NameKey& name : names_[f.inode]) TRY_VOID(edits_.remove_name(name));
    return connect(edits_, f.inode);
  }

  Status repair_count(const Finding& f) {
    switch (f.problem) {
      case Problem::position_not_below_next:
        return change(f.inode, [&](InodeRow& row) { row.next_position = f.found + 1; });
      case Problem::entries_wrong: return change(f.inode, [&](InodeRow& row) { row.entries = f.expected; });
      case Problem::links_wrong:
        return change(f.inode, [&](InodeRow& row) { row.links = static_cast<std::uint32_t>(f.expected); });
      case Problem::parent_wrong:
        return change(f.inode, [&](InodeRow& row) { row.parent = InodeId(f.expected); });
      case Problem::extent_past_end: return change(f.inode, [&](InodeRow& row) { row.size = f.found; });
      case Problem::inode_stored_bytes_wrong:
        return change(f.inode, [&](InodeRow& row) { row.stored_bytes = f.expected; });
      case Problem::quota_root_missing:
        return change(f.inode, [](InodeRow& row) { row.quota_root = InodeId(); });
      case Problem::volume_without_row: return forget_volume(f);
      default: return fail(EINVAL, "no repair of a count");
    }
  }

  // While a row names a needle in it, it may be a folder that is not mounted today.
  Status forget_volume(const Finding& f) {
    const auto volumes = TRY(check_.rows->volumes());
    const bool needed = std::any_of(volumes.begin(), volumes.end(), [&](const meta::VolumeUsage& usage) {
      return usage.volume == f.volume && usage.extents > 0;
    });
    if (!needed) edits_.remove_volume(f.volume);
    return {};
  }

  Status repair_total(const Finding& f) {
    const auto key = static_cast<std::uint32_t>(f.offset);
    switch (f.problem) {
      case Problem::counter_missing:
      case Problem::counter_wrong: edits_.set_counter(key, f.expected); return {};
      case Problem::next_inode_too_low:
        edits_.set_counter(static_cast<std::uint32_t>(meta::Counter::next_inode), f.expected + 1);
        return {};
      case Problem::next_slot_too_low:
        edits_.set_counter(static_cast<std::uint32_t>(meta::Counter::next_slot) + key, f.expected + 1);
        return {};
      case Problem::quota_lost:
        put_quota(f.inode, {.bytes_max = 0, .files_max = 0, .bytes = f.found, .files = f.expected});
        return {};
      case Problem::quota_wrong: return correct_quota(f);
      default: return fail(EINVAL, "no repair of a total");
    }
  }

  Status correct_quota(const Finding& f) {
    const auto kept = TRY(edits_.xattr({f.inode, std::string(meta::kQuotaXattr)}));
    std::optional<meta::QuotaRow> row = kept ? meta::decode_quota(kept->value) : std::nullopt;
    if (!row) return {};
    (f.what == "bytes" ? row->bytes : row->files) = f.expected;
    put_quota(f.inode, *row);
    return {};
  }

  void put_quota(InodeId root, const meta::QuotaRow& row) {
    edits_.put_xattr({root, std::string(meta::kQuotaXattr)}, {encode_quota(row)});
  }

  template <typename Change>
  Status change(InodeId id, Change apply) {
    if (InodeRow* const row = TRY(edits_.inode(id))) apply(*row);
    return {};
  }

  Check& check_;
  RowEdits& edits_;
  std::map<InodeId, std::vector<NameKey>> names_;
  std::set<InodeId> files_;
};

}  // namespace

Status repair_rows(Check& check, const std::vector<Finding>& findings, RowEdits& edits) {
  return RowRepairs(check, edits).run(findings);
}

}  // namespace ciaos::fsck
