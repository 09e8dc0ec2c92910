// What the parts of the engine share. Made by recovery, in this order, and ended in the reverse one.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/clock.h"
#include "base/uuid.h"
#include "engine/committer.h"
#include "engine/dirty_inodes.h"
#include "engine/engine.h"
#include "engine/gate.h"
#include "engine/index_reserve.h"
#include "engine/inode_table.h"
#include "engine/leases.h"
#include "engine/name_cache.h"
#include "engine/piece_memory.h"
#include "engine/pins.h"
#include "engine/quotas.h"
#include "engine/read_epochs.h"
#include "engine/rows.h"
#include "meta/index.h"
#include "store/log_writer.h"
#include "store/needle_reader.h"
#include "store/volume_pool.h"
#include "store/volume_set.h"

namespace ciaos::engine {

// Inodes without links that still have a row. Thread-safe; its mutex is a leaf.
class Orphans {
 public:
  // `linkable`: it never had a name, and may be given one.
  void add(InodeId inode, bool linkable) {
    MutexLock lock(mutex_);
    inodes_.emplace(inode, linkable);
  }
  bool is_linkable(InodeId inode) {
    MutexLock lock(mutex_);
    const auto found = inodes_.find(inode);
    return found != inodes_.end() && found->second;
  }
  void remove(InodeId inode) {
    MutexLock lock(mutex_);
    inodes_.erase(inode);
  }
  bool contains(InodeId inode) {
    MutexLock lock(mutex_);
    return inodes_.contains(inode);
  }

 private:
  Mutex mutex_;
  std::map<InodeId, bool> inodes_ GUARDED_BY(mutex_);
};

// The newest snapshot, and where the log and the index stood.
struct SnapshotState {
  Sequence sequence;           // of the state it shows; 0: there is none
  std::uint64_t bytes = 0;     // of its needles
  std::set<VolumeId> volumes;  // that hold its needles
  Sequence checkpoint;         // the index is synced up to here
};

// How far the scrubber has come.
struct ScrubPosition {
  VolumePosition at;  // generation 0: no round is under way
  std::int64_t round_began_seconds = 0;
  bool in_round() const { return at.generation != Generation(); }
  bool operator==(const ScrubPosition&) const = default;
};

struct Core {
  Core(const Options& the_options, Clock& the_clock)
      : options(the_options),
        clock(the_clock),
        piece_memory(the_options.dirty_bytes_max / 2),
        names(the_options.inode_cache_bytes / 3),
        leases(the_clock) {}

  bool read_only() const { return options.read_only; }
  // Promises `bytes` of log space, where garbage stands in the way by compacting. Blocks; call it without locks. ENOSPC.
  Status promise_space(std::uint64_t bytes, store::Claim claim = store::Claim::fresh);
  // Holds room for `bytes` of a file in the same way.
  Status hold_space(std::uint64_t bytes);
  // Extents that one step of a long operation may change: `most`, or fewer where volumes and with them batches are small.
  std::size_t rows_per_step(std::size_t most) const {
    return std::min<std::size_t>(most, log_limits.txn_payload_bytes_max / meta::kExtentRecordBytes / 4);
  }
  // Bytes of records ever logged, as the counter rows remember it.
  std::uint64_t logged_total() const { return logged_before + (committer ? committer->logged_bytes() : 0); }

  // --- constant after recovery ---
  const Options options;
  Clock& clock;
  PieceMemory piece_memory;  // of inodes and what is taken out of them
  std::unique_ptr<store::VolumeSet> volumes;
  Uuid uuid;
  store::LogLimits log_limits;
  std::string scratch_index;  // read-only: the private copy, deleted at the end
  std::unique_ptr<meta::Index> index;
  std::unique_ptr<IndexReserve> index_reserve;  // null when read-only
  std::unique_ptr<store::VolumePool> pool;      // null when read-only
  std::unique_ptr<store::LogWriter> writer;     // null when read-only
  std::unique_ptr<store::NeedleReader> reader;
  std::unique_ptr<Rows> rows;
  std::unique_ptr<Quotas> quotas;
  std::unique_ptr<InodeTable> inodes;
  std::uint64_t logged_before = 0;
  std::uint64_t batches_replayed = 0;
  bool index_rebuilt = false;
  bool log_was_damaged = false;
  ScrubPosition scrubbed;  // when the store was opened
  std::string index_directory;

  // --- thread-safe ---
  NameCache names;
  Pins pins;
  Orphans orphans;
  Gate gate;
  ReadEpochs read_epochs;
  Leases leases;
  DirtyInodes dirty;
  std::atomic<std::uint64_t> next_inode{2};
  std::atomic<std::uint64_t> inode_count{1};
  std::atomic<std::uint64_t> stored_bytes{0};
  std::atomic<std::uint64_t> snapshot_logged_at{0};  // logged_total() when the newest snapshot was taken
  std::atomic<std::uint64_t> snapshots_written{0};
  std::atomic<std::uint64_t> volumes_freed{0};
  std::atomic<std::uint64_t> open_files{0};

  SnapshotState snapshot;  // guarded by the maintenance's turn

  // For a claim that the pool refused with ENOSPC: makes room until it does not. Set before the first verb.
  std::function<Status(const std::function<Status()>&)> make_room;

  Watch watch;  // constant while there are object verbs

  std::unique_ptr<Committer> committer;  // null when read-only; ended first

 private:
  Status claim_space(const std::function<Status()>& claim);
};

}  // namespace ciaos::engine
