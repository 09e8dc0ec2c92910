// Limits of directory trees, and what each tree has.
//
// An inode is part of one directory's tree or of none, and stays so: what is made in a directory is of that directory's tree, and
// no name leads over a border. So a change of an inode changes one pair of numbers, and nobody ever walks a tree to count it.
// They change with the inode, inside the gate, and are noted when the batch closes: in the batch of the rows that they count.
//
// Counted is what st_blocks shows, buffered bytes too. So EDQUOT comes from the write and not from a flush, and du(1) agrees.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "engine/rows.h"
#include "meta/quota_row.h"

namespace ciaos::engine {

struct Inode;

// One tree. Guarded by the mutex of Quotas.
class Quota {
 public:
  explicit Quota(InodeId the_root) : root(the_root) {}
  const InodeId root;

 private:
  friend class Quotas;
  meta::QuotaRow row;
  std::uint64_t promised_bytes = 0;
  bool kept = true;      // has a row; what is left of a tree that has none is neither limited nor counted
  bool changed = false;  // since its row was noted
};
using QuotaRef = std::shared_ptr<Quota>;

// Thread-safe. Lock order: inodes, loading_, the leaves; mutex_ is one.
class Quotas {
 public:
  explicit Quotas(Rows& rows) : rows_(rows) {}

  // The tree of that root; null for inode 0. One row is read when a tree is met first.
  Result<QuotaRef> tree_of(InodeId root) EXCLUDES(mutex_, loading_);

  // --- inside the gate, the inodes locked exclusively. Those of no tree cost a look at a null pointer. ---
  // A new file in the tree of `directory`. EDQUOT.
  Status add_file(const Inode& directory) EXCLUDES(mutex_);
  // It is freed; if it is a root, so is the tree.
  void remove_file(Inode& inode) EXCLUDES(mutex_, loading_);
  // From now on `inode` may be charged for `bytes`, until settle(). EDQUOT; never for less than it is charged.
  Status claim(Inode& inode, std::uint64_t bytes) EXCLUDES(mutex_);
  // It is charged for what it has.
  void settle(Inode& inode) EXCLUDES(mutex_);
  // Makes an inode that nobody can see yet part of the tree of `directory`. EDQUOT.
  Status move(Inode& inode, const Inode& directory) EXCLUDES(mutex_);

  // Bytes kept for who claims them later; `tree` may be null. EDQUOT.
  Status promise(const QuotaRef& tree, std::uint64_t bytes) EXCLUDES(mutex_);
  void withdraw(const QuotaRef& tree, std::uint64_t bytes) EXCLUDES(mutex_);

  // --- limits, in the same way ---
  // An empty directory becomes the root of a tree.
  void begin(Inode& directory) EXCLUDES(mutex_);
  void set_limits(const Inode& root, std::uint64_t bytes_max, std::uint64_t files_max) EXCLUDES(mutex_);
  // A root without limits in whose tree nothing else is: no root any longer.
  void end_if_unused(Inode& root) EXCLUDES(mutex_, loading_);

  meta::QuotaRow row_of(const Quota& tree) const EXCLUDES(mutex_);

  // With the gate closed and no buffers left: notes what has changed.
  void note_changes() EXCLUDES(mutex_);
  // A bound of the records that takes.
  std::size_t record_bytes() const { return changed_count_.load() * kRecordBytes; }

 private:
  static constexpr std::size_t kRecordBytes = 96;

  void mark(const QuotaRef& tree) REQUIRES(mutex_);
  void forget(const QuotaRef& tree) EXCLUDES(mutex_, loading_);

  Rows& rows_;
  Mutex loading_;  // held while a row is read, so that a tree that ends meanwhile is not entered again
  mutable Mutex mutex_;
  std::unordered_map<InodeId, QuotaRef> trees_ GUARDED_BY(mutex_);  // never more than there are
  std::vector<QuotaRef> changed_ GUARDED_BY(mutex_);
  std::atomic<std::size_t> changed_count_{0};
};

// Charges an inode's tree for what the inode has when the scope ends, however it does.
class TreeCharge {
 public:
  TreeCharge(Quotas& quotas, Inode& inode) : quotas_(quotas), inode_(inode) {}
  ~TreeCharge() { quotas_.settle(inode_); }
  TreeCharge(const TreeCharge&) = delete;
  TreeCharge& operator=(const TreeCharge&) = delete;

 private:
  Quotas& quotas_;
  Inode& inode_;
};

// Whether a name in `directory` may lead to `child`. A root belongs to where its directory does.
bool same_tree(const Inode& directory, const Inode& child);

}  // namespace ciaos::engine
