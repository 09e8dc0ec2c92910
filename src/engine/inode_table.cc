#include "engine/inode_table.h"

#include <algorithm>

namespace ciaos::engine {
namespace {

// Numbers of a row that only grow with what is done, a step at a time: half of what the format holds is never reached, and leaves
// room for more steps than there will be.
bool may_grow(const meta::InodeRow& row) {
  constexpr std::uint64_t kReached = 1ull << 62;
  return row.entries < kReached && row.next_position < kReached && row.stored_bytes < kReached;
}

}  // namespace

void InodeRef::reset() {
  if (inode_ != nullptr) table_->release(*inode_);
  inode_ = nullptr;
}

Inode& InodeTable::refer(Inode& inode) {
  if (inode.idle) {
    idle_.erase(inode.idle_at);
    inode.idle = false;
  }
  ++inode.references;
  return inode;
}

Result<InodeRef> InodeTable::get(InodeId id) {
  InodeRef ref = find(id);
  if (!ref) read_row(id, ref);
  ReaderLock lock(ref->mutex);
  if (!ref->exists()) return Error(ref->missing);
  return ref;
}

InodeRef InodeTable::find(InodeId id) {
  MutexLock lock(mutex_);
  const auto found = inodes_.find(id);
  return found == inodes_.end() ? InodeRef() : InodeRef(*this, refer(*found->second));
}

void InodeTable::read_row(InodeId id, InodeRef& ref) {
  // It enters the table locked: whoever finds it from then on waits for its row, so a row that is read here can never
  // be older than a change made through the table.
  auto fresh = std::make_unique<Inode>(id);
  fresh->charged = kInodeBytes;
  Inode& inode = *fresh;
  WriterLock reading(inode.mutex);
  bool entered = false;
  {
    MutexLock lock(mutex_);
    auto& slot = inodes_[id];
    if (slot == nullptr) {
      slot = std::move(fresh);
      bytes_ += kInodeBytes;
      entered = true;
    }
    ref = InodeRef(*this, refer(*slot));
  }
  if (!entered) return;
  auto row = rows_.inode(id);
  if (!row.ok()) {
    inode.missing = row.error();
  } else if (row->has_value() && !may_grow(**row)) {
    inode.missing = fail(EUCLEAN, "inode " + std::to_string(id.value()) + ": numbers that no file has");
  } else if (!row->has_value()) {
    inode.missing = fail(ENOENT);
  } else if (auto quota = quotas_.tree_of((*row)->quota_root); !quota.ok()) {
    inode.missing = quota.error();
  } else {
    inode.row = std::move(**row);
    inode.quota = *std::move(quota);
    inode.tree_bytes = meta::charged_bytes(inode.row.stored_bytes);
  }
}

InodeRef InodeTable::insert(InodeId id, const meta::InodeRow& row, const QuotaRef& quota) {
  MutexLock lock(mutex_);
  auto& slot = inodes_[id];
  if (slot != nullptr) return {};
  slot = std::make_unique<Inode>(id);
  slot->row = row;
  slot->quota = quota;
  slot->extents_known = true;
  slot->capability = Capability::absent;
  slot->charged = kInodeBytes;
  bytes_ += kInodeBytes;
  return InodeRef(*this, refer(*slot));
}

InodeRef InodeTable::share(Inode& inode) {
  MutexLock lock(mutex_);
  CIAOS_ASSERT(inode.references > 0);
  ++inode.references;
  return InodeRef(*this, inode);
}

void InodeTable::release(Inode& inode) {
  MutexLock lock(mutex_);
  CIAOS_ASSERT(inode.references > 0);
  if (--inode.references > 0) return;
  // Nobody else can hold its lock now, so what it guards may be read.
  if (!inode.exists()) {
    bytes_ -= inode.charged;
    inodes_.erase(inode.id);
    return;
  }
  const std::uint64_t cost =
      kInodeBytes + inode.row.content.capacity() + inode.extents.capacity() * sizeof(meta::Extent);
  bytes_ = bytes_ - inode.charged + cost;
  inode.charged = cost;
  inode.idle_at = idle_.insert(idle_.end(), &inode);
  inode.idle = true;
  evict_beyond(bytes_max_);
}

void InodeTable::evict_beyond(std::uint64_t bytes) {
  while (bytes_ > bytes && !idle_.empty()) {
    Inode* oldest = idle_.front();
    idle_.pop_front();
    CIAOS_ASSERT(oldest->buffer.empty());
    bytes_ -= oldest->charged;
    inodes_.erase(oldest->id);
  }
}

bool InodeTable::contains(InodeId id) const {
  MutexLock lock(mutex_);
  return inodes_.contains(id);
}

std::uint64_t InodeTable::count() const {
  MutexLock lock(mutex_);
  return inodes_.size();
}

std::uint64_t InodeTable::bytes() const {
  MutexLock lock(mutex_);
  return bytes_;
}

void InodeTable::drop_idle() {
  MutexLock lock(mutex_);
  evict_beyond(0);
}

InodeLocks::InodeLocks(std::initializer_list<Inode*> inodes) NO_THREAD_SAFETY_ANALYSIS {
  for (Inode* inode : inodes) {
    if (inode != nullptr) locked_[count_++] = inode;
  }
  const auto end = locked_.begin() + static_cast<std::ptrdiff_t>(count_);
  std::sort(locked_.begin(), end, [](const Inode* a, const Inode* b) { return a->id < b->id; });
  count_ = static_cast<std::size_t>(std::unique(locked_.begin(), end) - locked_.begin());
  for (std::size_t i = 0; i < count_; ++i) locked_[i]->mutex.lock();
}

InodeLocks::~InodeLocks() NO_THREAD_SAFETY_ANALYSIS {
  while (count_ > 0) locked_[--count_]->mutex.unlock();
}

}  // namespace ciaos::engine
