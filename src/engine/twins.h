// Which large files have twins (twin.h), and how those come about: what is read of a file that somebody has opened is read
// through its twin, and verified there, so that no byte is read from a device once more for its sake.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <unordered_map>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/mutex.h"
#include "base/result.h"
#include "engine/twin.h"
#include "engine/types.h"
#include "meta/extents.h"

namespace ciaos::engine {

struct Core;
class Files;

// For less, what an open by the kernel costs is not won back.
inline constexpr std::uint64_t kTwinBytesMin = 1u << 20;

struct TwinStats {
  std::uint64_t begun = 0;  // being made
  std::uint64_t whole = 0;
  std::uint64_t whole_bytes = 0;  // of files that those are of
};

// Thread-safe; its mutex is a leaf.
class Twins {
 public:
  Twins(Core& core, Files& files);
  ~Twins();

  // Whether this store can have any, found out by trying; the error says why not.
  Status check_possible();
  // Whether its files are large, on the whole.
  bool are_worth_it() const;
  // Until then there are none. Before the first read. `unneeded` is told of bytes of a file that the twin's pages show as
  // well, and must not wait.
  using Unneeded = std::function<void(InodeId inode, std::uint64_t begin, std::uint64_t end)>;
  void begin(Unneeded unneeded);

  // For somebody who opens a file for reading: its twin if that is whole. Otherwise one will be made of what he reads.
  std::shared_ptr<const Twin> open(const Attributes& file) EXCLUDES(mutex_);
  // What Engine::read() does, if the file has a twin that is being made and all is as it should be; else nothing, and whoever
  // reads as usual finds out what is wrong.
  std::optional<std::size_t> read(InodeId inode, std::uint64_t offset, MutableByteSpan into) EXCLUDES(mutex_);

  // Whether read() may do it.
  bool has(InodeId inode) const EXCLUDES(mutex_);

  // Nobody has the file open any more for whom it was read. Reads what little may be missing of its twin, as long as `goes_on`.
  void finish(InodeId inode, const std::function<bool()>& goes_on) EXCLUDES(mutex_);

  // Those that nobody has been handed: for who wants their space, or cold files.
  void drop_idle() EXCLUDES(mutex_);
  TwinStats stats() const EXCLUDES(mutex_);

 private:
  struct Entry {
    InodeId inode;
    std::shared_ptr<Twin> twin;
  };
  using Recent = std::list<Entry>;

  std::shared_ptr<Twin> find(InodeId inode) EXCLUDES(mutex_);
  // [begin, end) of the twin shows the file, or false: it cannot this time, since the contents are not all in needles.
  Result<bool> share(Twin& twin, InodeId inode, std::uint64_t begin, std::uint64_t end);
  Status share(Twin& twin, const meta::Extent& extent);
  // `bytes`, which the twin shows from `begin` on, are of that extent.
  Status verify(const Twin& twin, const meta::Extent& whole, ByteSpan bytes, std::uint64_t begin);
  // False: it has to be read as usual this time.
  Result<bool> read_through(Twin& twin, InodeId inode, std::uint64_t offset, MutableByteSpan into);
  void evict_idle(std::size_t count_max, std::uint64_t memory_max, Recent& evicted) REQUIRES(mutex_);

  Core& core_;
  Files& files_;
  const std::size_t count_max_;
  const std::uint64_t memory_max_;
  Unneeded unneeded_;  // constant once `begun_`
  std::atomic<bool> begun_{false};

  mutable Mutex mutex_;
  Recent recent_ GUARDED_BY(mutex_);  // most lately opened first
  std::unordered_map<InodeId, Recent::iterator> by_inode_ GUARDED_BY(mutex_);
  std::uint64_t memory_ GUARDED_BY(mutex_) = 0;  // as if all were being made
};

}  // namespace ciaos::engine
