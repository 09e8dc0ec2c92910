// What keeps the store in shape while it is open: rows about volumes, snapshots, index checkpoints, volumes given back.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "engine/core.h"
#include "engine/files.h"
#include "engine/turn.h"

namespace ciaos::engine {

class Maintenance {
 public:
  Maintenance(Core& core, Files& files) : core_(core), files_(files) {}

  // Recovery tells what the log looked like. `open_volumes`: those whose rows do not say sealed or free.
  void start_at(const TxnRef& last, const std::map<VolumeId, Generation>& open_volumes);
  void set_snapshot(const SnapshotState& snapshot) {
    core_.snapshot = snapshot;
    keep_room_for_snapshot();
  }

  // --- hooks of the committer ---
  Status close_batch();               // gate closed
  void after_cut(const TxnRef& ref);  // gate closed
  Status still_owner();
  void after_apply();

  // A snapshot of the index as it is applied now.
  Status snapshot();
  // Gives back what can be now; true if it was anything. `pressed`: volumes that only the log or a snapshot keeps are freed
  // by a new snapshot, whatever that costs.
  Result<bool> reclaim_now(bool pressed);
  // What there is twice (redundant_copies.cc), for the scrubber: how many repairs were made. Log and snapshot need no copy
  // of their own: a new snapshot of the index makes them unneeded.
  Result<std::uint64_t> repair_superblocks();
  Result<std::uint64_t> repair_log();
  // At a clean close: the index synced, a snapshot if the log since the last one is worth it.
  Status finish();

 private:
  void note_counters();
  void note_volumes();
  Status checkpoint();
  Status write_snapshot();
  Status remember_snapshot();
  Status check_log(Sequence snapshot);
  Status write_pieces();
  // So much as the next snapshot may need is kept from data.
  void keep_room_for_snapshot();
  bool snapshot_due(std::uint64_t divisor) const;
  struct Candidates {
    std::vector<meta::VolumeUsage> free;  // nothing in them is live
    std::size_t kept_by_log = 0;          // only txn needles or a snapshot are
  };
  Result<Candidates> find_candidates();
  Result<bool> reclaim(bool pressed);
  // Of `free`, those that nobody outside may be reading any more. `pressed`: all of them, if that has to be waited for.
  std::vector<meta::VolumeUsage> unleased(const std::vector<meta::VolumeUsage>& free, bool pressed);
  Status give_back(const std::vector<meta::VolumeUsage>& volumes);

  Core& core_;
  Files& files_;
  Turn turn_;  // checkpoint, snapshot, reclaim; guards core_.snapshot
  // When there was no room for a snapshot: what had been freed and logged by then.
  struct NoRoom {
    std::uint64_t volumes_freed = 0;
    std::uint64_t logged = 0;
  };
  std::optional<NoRoom> no_room_;  // guarded by the turn
  // Given back, while the applied index still shows them as they were: their slots may have a new life by now. Guarded by the
  // turn.
  std::set<std::pair<VolumeId, Generation>> given_back_;
  // When a volume that is still leased was found without anything live. Guarded by the turn.
  std::map<std::pair<VolumeId, Generation>, std::uint64_t> found_free_ms_;

  // --- guarded by the closed gate ---
  std::map<VolumeId, Generation> open_volumes_;
  std::map<VolumeId, Sequence> txn_in_;  // newest txn needle by volume
  VolumeId log_volume_;                  // where the next txn needle goes
  std::map<std::uint32_t, std::uint64_t> counters_noted_;

  std::uint64_t owner_checked_ms_ = 0;  // guarded by the leader's role
};

}  // namespace ciaos::engine
