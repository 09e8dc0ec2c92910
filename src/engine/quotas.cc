#include "engine/quotas.h"

#include <algorithm>

#include "base/log.h"
#include "engine/inode_table.h"
#include "engine/rules.h"

namespace ciaos::engine {
namespace {

using meta::QuotaRow;

constexpr std::uint64_t kTreeBytesMax = INT64_MAX;  // that a row can hold

bool has_room(std::uint64_t limit, std::uint64_t used, std::uint64_t more) {
  return limit == 0 || (used <= limit && more <= limit - used);
}

void count(std::uint64_t& number, std::uint64_t less, std::uint64_t more) {
  // A row that told too few: fsck.ciaos counts again.
  number = std::min(kTreeBytesMax, number - std::min(number, less) + more);
}

}  // namespace

bool same_tree(const Inode& directory, const Inode& child) {
  const InodeId tree = child.row.quota_root == child.id ? InodeId() : child.row.quota_root;
  return tree == directory.row.quota_root;
}

Result<QuotaRef> Quotas::tree_of(InodeId root) {
  if (root == InodeId()) return QuotaRef();
  const auto known = [&]() -> QuotaRef {
    MutexLock lock(mutex_);
    const auto found = trees_.find(root);
    return found == trees_.end() ? nullptr : found->second;
  };
  if (QuotaRef tree = known()) return tree;
  MutexLock loading(loading_);
  if (QuotaRef tree = known()) return tree;
  const std::optional<meta::XattrRow> kept = TRY(rows_.xattr(root, meta::kQuotaXattr));
  const std::optional<QuotaRow> row = kept ? meta::decode_quota(kept->value) : std::nullopt;
  if (kept && !row)
    log(LogLevel::error, "the quota of inode {} is damaged and does not hold; fsck.ciaos counts again",
        root.value());
  auto tree = std::make_shared<Quota>(root);
  tree->row = row.value_or(QuotaRow{});
  tree->kept = row.has_value();
  MutexLock lock(mutex_);
  trees_.emplace(root, tree);
  return tree;
}

void Quotas::mark(const QuotaRef& tree) {
  if (!tree->kept || tree->changed) return;
  tree->changed = true;
  changed_.push_back(tree);
  changed_count_ = changed_.size();
}

Status Quotas::add_file(const Inode& directory) {
  if (!directory.quota) return {};
  MutexLock lock(mutex_);
  QuotaRow& row = directory.quota->row;
  if (!has_room(row.files_max, row.files, 1)) return fail(EDQUOT);
  count(row.files, 0, 1);
  mark(directory.quota);
  return {};
}

void Quotas::remove_file(Inode& inode) {
  if (!inode.quota) return;
  settle(inode);
  {
    MutexLock lock(mutex_);
    count(inode.quota->row.files, 1, 0);
    mark(inode.quota);
  }
  if (inode.row.quota_root == inode.id) forget(inode.quota);
}

Status Quotas::claim(Inode& inode, std::uint64_t bytes) {
  if (!inode.quota) return {};
  bytes = meta::charged_bytes(bytes);
  if (bytes <= inode.tree_bytes) return {};
  const std::uint64_t more = bytes - inode.tree_bytes;
  MutexLock lock(mutex_);
  Quota& tree = *inode.quota;
  if (!has_room(tree.row.bytes_max, tree.row.bytes + tree.promised_bytes, more)) return fail(EDQUOT);
  count(tree.row.bytes, 0, more);
  inode.tree_bytes = bytes;
  mark(inode.quota);
  return {};
}

void Quotas::settle(Inode& inode) {
  if (!inode.quota) return;
  const std::uint64_t bytes = meta::charged_bytes(shown_bytes(inode.row, inode.buffer.bytes()));
  if (bytes == inode.tree_bytes) return;
  MutexLock lock(mutex_);
  count(inode.quota->row.bytes, inode.tree_bytes, bytes);
  inode.tree_bytes = bytes;
  mark(inode.quota);
}

Status Quotas::move(Inode& inode, const Inode& directory) {
  if (inode.quota == directory.quota) return {};
  const std::uint64_t bytes = meta::charged_bytes(shown_bytes(inode.row, inode.buffer.bytes()));
  MutexLock lock(mutex_);
  if (directory.quota) {
    QuotaRow& row = directory.quota->row;
    const bool fits = has_room(row.bytes_max, row.bytes + directory.quota->promised_bytes, bytes) &&
                      has_room(row.files_max, row.files, 1);
    if (!fits) return fail(EDQUOT);
    count(row.bytes, 0, bytes);
    count(row.files, 0, 1);
    mark(directory.quota);
  }
  if (inode.quota) {
    count(inode.quota->row.bytes, inode.tree_bytes, 0);
    count(inode.quota->row.files, 1, 0);
    mark(inode.quota);
  }
  inode.quota = directory.quota;
  inode.row.quota_root = directory.row.quota_root;
  inode.tree_bytes = directory.quota ? bytes : 0;
  return {};
}

Status Quotas::promise(const QuotaRef& tree, std::uint64_t bytes) {
  if (!tree) return {};
  MutexLock lock(mutex_);
  if (!has_room(tree->row.bytes_max, tree->row.bytes + tree->promised_bytes, bytes)) return fail(EDQUOT);
  tree->promised_bytes += bytes;
  return {};
}

void Quotas::withdraw(const QuotaRef& tree, std::uint64_t bytes) {
  if (!tree) return;
  MutexLock lock(mutex_);
  CIAOS_ASSERT(bytes <= tree->promised_bytes);
  tree->promised_bytes -= bytes;
}

void Quotas::begin(Inode& directory) {
  CIAOS_ASSERT(!directory.quota && directory.row.entries == 0);
  directory.quota = std::make_shared<Quota>(directory.id);
  directory.row.quota_root = directory.id;
  directory.tree_bytes = 0;
  MutexLock lock(mutex_);
  directory.quota->row.files = 1;
  trees_.insert_or_assign(directory.id, directory.quota);
  mark(directory.quota);
}

void Quotas::set_limits(const Inode& root, std::uint64_t bytes_max, std::uint64_t files_max) {
  MutexLock lock(mutex_);
  root.quota->row.bytes_max = bytes_max;
  root.quota->row.files_max = files_max;
  mark(root.quota);
}

void Quotas::end_if_unused(Inode& root) {
  const QuotaRow row = row_of(*root.quota);
  if (row.bytes_max != 0 || row.files_max != 0 || row.files > 1 || root.row.entries > 0) return;
  rows_.erase(meta::XattrKey{root.id, std::string(meta::kQuotaXattr)});
  forget(root.quota);
  root.quota.reset();
  root.row.quota_root = InodeId();
}

// Behind the erasure of its row.
void Quotas::forget(const QuotaRef& tree) {
  MutexLock loading(loading_);
  MutexLock lock(mutex_);
  tree->kept = false;
  tree->row = {};
  trees_.erase(tree->root);
}

QuotaRow Quotas::row_of(const Quota& tree) const {
  MutexLock lock(mutex_);
  return tree.row;
}

void Quotas::note_changes() {
  std::vector<std::pair<InodeId, QuotaRow>> rows;
  {
    MutexLock lock(mutex_);
    for (const QuotaRef& tree : changed_) {
      tree->changed = false;
      if (tree->kept) rows.emplace_back(tree->root, tree->row);
    }
    changed_.clear();
    changed_count_ = 0;
  }
  for (const auto& [root, row] : rows)
    rows_.put(meta::XattrKey{root, std::string(meta::kQuotaXattr)}, meta::XattrRow{encode_quota(row)});
}

}  // namespace ciaos::engine
