// Brings back the space of what was deleted and overwritten inside volumes that also hold live data.
//
// Large dead payloads are punched out of volume files where they lie; what remains are volumes to empty: live needles move
// to the log's tail, and Maintenance gives the volume back. A thread does so in the background at a bounded rate, and a
// write that finds no room does it at once and waits (a store with garbage in it is not full).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "engine/core.h"
#include "engine/files.h"
#include "engine/hole_punch.h"
#include "engine/maintenance.h"
#include "engine/turn.h"
#include "engine/victims.h"

namespace ciaos::engine {

// Thread-safe.
class Compaction {
 public:
  Compaction(Core& core, Files& files, Maintenance& maintenance)
      : core_(core), files_(files), maintenance_(maintenance) {}
  ~Compaction() { stop(); }

  void start();
  // Ends what is under way at its next step.
  void stop() EXCLUDES(mutex_);
  // Something was applied: there may be new garbage. Cheap.
  void wake() EXCLUDES(mutex_);

  // Punches, then empties the one volume for which that is worth most; false when none is worth it. As fast as it goes.
  Result<bool> step(Pressure pressure);
  // As much as it takes until `claim` no longer answers ENOSPC; what it answers then. ENOSPC: everything is in use.
  Status make_room(const std::function<Status()>& claim);

  // Of the last look: what step() could give back.
  std::uint64_t reclaimable_bytes() const { return reclaimable_bytes_; }
  CompactionStats stats() const EXCLUDES(mutex_);

 private:
  struct Look {
    std::vector<VolumeFill> sealed;
    std::uint64_t live_bytes = 0;
  };
  // Of the volume that is being emptied.
  struct Emptying {
    VolumeId volume;
    std::uint64_t done_bytes = 0;
    std::uint64_t bytes = 0;
  };
  Result<Look> look();
  Result<bool> punch(const std::vector<VolumeFill>& volumes);
  Result<bool> empty(const meta::VolumeUsage& volume, Pressure pressure, bool paced);
  Result<bool> step_in_turn(Pressure pressure, bool paced);
  void hurry(int change) EXCLUDES(mutex_);
  void show_emptying(const std::optional<Emptying>& now) EXCLUDES(mutex_);
  Pressure background_pressure();
  bool pause(std::uint64_t bytes) EXCLUDES(mutex_);
  void run() EXCLUDES(mutex_);

  Core& core_;
  Files& files_;
  Maintenance& maintenance_;
  Turn turn_;
  // --- guarded by turn_ ---
  std::map<VolumeId, std::uint64_t> live_when_punched_;
  std::map<VolumeId, DeadPayloads>
      leased_;  // found, and to be punched when the leases of their volumes are over
  std::optional<std::uint64_t> live_when_futile_;  // when a snapshot released nothing
  std::set<VolumeId> damaged_;                     // hold what cannot be read, and so cannot be emptied

  std::atomic<std::uint64_t> reclaimable_bytes_{0};
  std::atomic<std::uint64_t> volumes_emptied_{0};
  std::atomic<std::uint64_t> moved_bytes_{0};
  std::atomic<std::uint64_t> punched_bytes_{0};

  mutable Mutex mutex_;
  std::optional<Emptying> emptying_ GUARDED_BY(mutex_);
  CondVar wake_;
  bool woken_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  int hurried_ GUARDED_BY(mutex_) = 0;  // writers that wait for room
  std::thread thread_;
};

}  // namespace ciaos::engine
