// Reads what lies on the devices again, slowly, so that damage is found while there still is a copy elsewhere.
//
//   idle ──interval over──> superblocks ──> snapshot and log ──> volumes in order ──> idle
//                                                                  (position: resumes here after a remount)
//
// Of volumes, also of those that are still being filled, it reads the needles that rows of the applied index name, whole:
// these are synced and nobody writes them again; what is appended behind them waits for the next round. What it finds is
// told once, with the file's name, and stays in the list until the bytes are right or no longer anybody's. What there is
// twice is repaired: a superblock from the other copies, snapshot and log from the index, by a new snapshot.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "engine/core.h"
#include "engine/damage_list.h"
#include "engine/files.h"
#include "engine/maintenance.h"
#include "engine/turn.h"
#include "store/needle_check.h"

namespace ciaos::engine {

// Thread-safe.
class Scrub {
 public:
  Scrub(Core& core, Files& files, Maintenance& maintenance, DamageList& damages)
      : core_(core), files_(files), maintenance_(maintenance), damages_(damages) {}
  ~Scrub() { stop(); }

  // `where` it stood when the store was open last.
  void start(const ScrubPosition& where);
  // Ends what is under way at its next step.
  void stop() EXCLUDES(mutex_);
  // At a clean close: where it stands goes into the open batch.
  void note_position();
  // The round under way, or a new one, to its end and as fast as it goes.
  Status finish_round();
  // One volume of that; false when the round is at its end. ECANCELED after stop().
  Result<bool> step_now() EXCLUDES(mutex_);

  ScrubStats stats() const EXCLUDES(mutex_);

 private:
  struct Page {
    std::vector<std::pair<InodeId, meta::Extent>> rows;  // in order of needles, all rows of each
    std::uint64_t next = 0;                              // needle offset to go on at
    bool last = false;
  };
  Result<bool> step(bool paced);
  Status begin_round();
  Status scrub_volume(const meta::VolumeUsage& volume, bool paced);
  Result<Page> next_page(meta::IndexReader& reader, const meta::VolumeUsage& volume, std::uint64_t from);
  Result<std::vector<Damage>> check_page(const Page& page, store::NeedleChecker* checker,
                                         store::Device* device, int code_without);
  Result<bool> is_current(InodeId inode, const meta::Extent& extent);
  void tell(meta::IndexReader& reader, VolumeId volume, std::uint64_t begin, std::uint64_t end,
            std::vector<Damage> found);
  bool is_due() const;
  bool pause(std::uint64_t bytes) EXCLUDES(mutex_);
  bool is_stopping() EXCLUDES(mutex_);
  void run() EXCLUDES(mutex_);
  // What stats() says of the position, which a step may hold for minutes.
  void show_position() EXCLUDES(mutex_);

  Core& core_;
  Files& files_;
  Maintenance& maintenance_;
  DamageList& damages_;
  Turn turn_;
  // --- guarded by turn_ ---
  ScrubPosition position_;
  ScrubPosition noted_;

  std::atomic<std::uint64_t> rounds_{0};
  std::atomic<std::uint64_t> read_bytes_{0};
  std::atomic<std::uint64_t> repairs_{0};

  mutable Mutex mutex_;
  CondVar wake_;
  bool stopping_ GUARDED_BY(mutex_) = false;
  ScrubPosition shown_ GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace ciaos::engine
