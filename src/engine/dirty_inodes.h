// The inodes whose write buffers hold something, and how much it is in all.
#pragma once

#include <atomic>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "engine/inode_table.h"

namespace ciaos::engine {

// Thread-safe; its mutex is a leaf. Entered and left only inside the gate under the inode's lock, so with the gate closed
// an inode whose buffer is not empty is in here: the cut misses none, whoever else was about to flush it.
class DirtyInodes {
 public:
  void add(InodeRef inode) {
    const InodeId id = inode->id;
    MutexLock lock(mutex_);
    inodes_.emplace(id, std::move(inode));
  }
  // The reference that was kept, for the caller to drop without locks.
  [[nodiscard]] InodeRef remove(InodeId id) {
    MutexLock lock(mutex_);
    const auto found = inodes_.find(id);
    CIAOS_ASSERT(found != inodes_.end());
    InodeRef inode = std::move(found->second);
    inodes_.erase(found);
    return inode;
  }
  bool contains(InodeId id) const {
    MutexLock lock(mutex_);
    return inodes_.contains(id);
  }
  // Null if it is not in it. It stays.
  InodeRef find(InodeId id, InodeTable& table) const {
    MutexLock lock(mutex_);
    const auto found = inodes_.find(id);
    return found == inodes_.end() ? InodeRef() : table.share(*found->second);
  }
  // Those that are in it now; they stay.
  std::vector<InodeRef> list(InodeTable& table) const {
    MutexLock lock(mutex_);
    std::vector<InodeRef> inodes;
    inodes.reserve(inodes_.size());
    for (const auto& [id, inode] : inodes_) inodes.push_back(table.share(*inode));
    return inodes;
  }
  // A buffer is changed between making a Change and its end.
  class Change {
   public:
    Change(DirtyInodes& all, const WriteBuffer& buffer)
        : all_(all), buffer_(buffer), bytes_(buffer.bytes()), pieces_(buffer.pieces()) {}
    ~Change() {
      all_.bytes_ += buffer_.bytes() - bytes_;
      all_.pieces_ += buffer_.pieces() - pieces_;
    }
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;

   private:
    DirtyInodes& all_;
    const WriteBuffer& buffer_;
    const std::uint64_t bytes_;
    const std::size_t pieces_;
  };
  std::size_t pieces() const { return pieces_.load(); }
  // Memory that buffers take: what was written, and what it costs to keep a piece.
  std::uint64_t bytes() const { return bytes_.load() + pieces() * kBytesPerPiece; }

 private:
  static constexpr std::uint64_t kBytesPerPiece = 128;

  mutable Mutex mutex_;
  std::unordered_map<InodeId, InodeRef> inodes_ GUARDED_BY(mutex_);
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::size_t> pieces_{0};
};

}  // namespace ciaos::engine
