// Inodes in memory: each at most once, found by number, kept while used or dirty, and as long as the bound allows.
#pragma once

#include <sys/stat.h>

#include <array>
#include <cstdint>
#include <initializer_list>
#include <list>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "engine/quotas.h"
#include "engine/rows.h"
#include "engine/write_buffer.h"

namespace ciaos::engine {

// Files with more extents than this keep none of them in memory; their ranges are asked of the rows.
inline constexpr std::size_t kCachedExtentsMax = 4096;

// Whether an inode has file capabilities, as far as was asked.
enum class Capability : std::uint8_t { unknown, absent, present };

// Lock order: the gate, then inodes in order of their numbers, then the leaves.
struct Inode {
  explicit Inode(InodeId number) : id(number) {}
  const InodeId id;

  SharedMutex mutex;
  // --- guarded by mutex ---
  Error missing;  // code 0: the row below is there; else why it is not (ENOENT: freed, or never was)
  meta::InodeRow row;
  WriteBuffer buffer;          // written, no needle yet
  bool dirty = false;          // in the set of dirty inodes
  std::uint64_t reserved = 0;  // bytes of log space promised to what is in the buffer
  Capability capability = Capability::unknown;
  bool extents_known = false;  // `extents` is all there is
  bool extents_many =
      false;  // and was seen to be more than is kept; not asked for again until the file shrinks
  std::vector<meta::Extent> extents;
  // Known to be without an access control list. Then neither chmod nor what is made in a directory asks the rows for one.
  bool no_access_acl = false;
  bool no_default_acl = false;
  QuotaRef quota;                // of its tree; null: of none
  std::uint64_t tree_bytes = 0;  // what that is charged for it

  bool exists() const { return missing.code == 0; }
  bool is_directory() const { return S_ISDIR(row.mode); }

  // --- guarded by the table ---
  std::uint64_t references = 0;
  std::uint64_t charged = 0;
  std::list<Inode*>::iterator idle_at;
  bool idle = false;
};

class InodeTable;

// Keeps an inode in memory. Movable; null after a move.
class InodeRef {
 public:
  InodeRef() = default;
  InodeRef(InodeTable& table, Inode& inode) : table_(&table), inode_(&inode) {}
  InodeRef(InodeRef&& other) noexcept
      : table_(std::exchange(other.table_, nullptr)), inode_(std::exchange(other.inode_, nullptr)) {}
  InodeRef& operator=(InodeRef&& other) noexcept {
    if (this != &other) {
      reset();
      table_ = std::exchange(other.table_, nullptr);
      inode_ = std::exchange(other.inode_, nullptr);
    }
    return *this;
  }
  ~InodeRef() { reset(); }
  void reset();
  explicit operator bool() const { return inode_ != nullptr; }
  Inode* operator->() const { return inode_; }
  Inode& operator*() const { return *inode_; }

 private:
  InodeTable* table_ = nullptr;
  Inode* inode_ = nullptr;
};

// Thread-safe; its mutex is a leaf.
class InodeTable {
 public:
  InodeTable(Rows& rows, Quotas& quotas, std::uint64_t bytes_max)
      : rows_(rows), quotas_(quotas), bytes_max_(bytes_max) {}

  bool contains(InodeId id) const EXCLUDES(mutex_);
  // Reads the row if it is not in memory. An inode that does not exist is ENOENT.
  Result<InodeRef> get(InodeId id) EXCLUDES(mutex_);
  // Null if its row is not in memory.
  InodeRef find(InodeId id) EXCLUDES(mutex_);
  // A new inode, whose row the caller has just made. Null if somebody is asking for that number (a stale handle): take
  // the next one.
  InodeRef insert(InodeId id, const meta::InodeRow& row, const QuotaRef& quota) EXCLUDES(mutex_);
  // One more reference to an inode that the caller holds one to.
  InodeRef share(Inode& inode) EXCLUDES(mutex_);

  std::uint64_t count() const EXCLUDES(mutex_);
  std::uint64_t bytes() const EXCLUDES(mutex_);
  void drop_idle() EXCLUDES(mutex_);

  // Memory of an inode with its table entry; its extents cost sizeof(meta::Extent) each on top.
  static constexpr std::uint64_t kInodeBytes = sizeof(Inode) + 96;

 private:
  friend class InodeRef;
  void read_row(InodeId id, InodeRef& ref) EXCLUDES(mutex_);
  void release(Inode& inode) EXCLUDES(mutex_);
  void evict_beyond(std::uint64_t bytes) REQUIRES(mutex_);
  Inode& refer(Inode& inode) REQUIRES(mutex_);

  Rows& rows_;
  Quotas& quotas_;
  const std::uint64_t bytes_max_;
  mutable Mutex mutex_;
  std::unordered_map<InodeId, std::unique_ptr<Inode>> inodes_ GUARDED_BY(mutex_);
  std::list<Inode*> idle_ GUARDED_BY(mutex_);  // least lately used first
  std::uint64_t bytes_ GUARDED_BY(mutex_) = 0;
};

// Exclusive locks on up to four inodes, taken in order of their numbers; the same inode may be named twice.
class InodeLocks {
 public:
  InodeLocks(std::initializer_list<Inode*> inodes);
  ~InodeLocks();
  InodeLocks(const InodeLocks&) = delete;
  InodeLocks& operator=(const InodeLocks&) = delete;

 private:
  std::array<Inode*, 4> locked_{};
  std::size_t count_ = 0;
};

}  // namespace ciaos::engine
