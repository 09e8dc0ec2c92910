// What keeps an unlinked inode alive: kernel lookups and open handles, counted together (invariant 6).
//
// A pin costs one small map entry and no Inode object, so that a kernel that remembers millions of names does not
// make the daemon remember their attributes.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>

#include "base/assert.h"
#include "base/ids.h"
#include "base/mutex.h"

namespace ciaos::engine {

// Thread-safe; its mutexes are leaves.
class Pins {
 public:
  void add(InodeId inode) {
    Shard& shard = shard_of(inode);
    MutexLock lock(shard.mutex);
    ++shard.counts[inode];
  }
  // True if those were the last. REQUIRES: that many are held.
  bool drop(InodeId inode, std::uint64_t pins) {
    Shard& shard = shard_of(inode);
    MutexLock lock(shard.mutex);
    const auto found = shard.counts.find(inode);
    if (found == shard.counts.end()) return false;
    CIAOS_ASSERT(found->second >= pins);
    found->second -= pins;
    if (found->second != 0) return false;
    shard.counts.erase(found);
    return true;
  }
  bool held(InodeId inode) {
    Shard& shard = shard_of(inode);
    MutexLock lock(shard.mutex);
    return shard.counts.contains(inode);
  }

 private:
  struct Shard {
    Mutex mutex;
    std::unordered_map<InodeId, std::uint64_t> counts GUARDED_BY(mutex);
  };
  Shard& shard_of(InodeId inode) { return shards_[inode.value() % shards_.size()]; }
  std::array<Shard, 16> shards_;
};

}  // namespace ciaos::engine
