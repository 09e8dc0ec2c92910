// Opens a store: finds the index that belongs to the log (or rebuilds one), replays what it lacks, and starts the
// writer. All of it may be cut short and repeated.
//
//   index ──belongs?──yes──> replay the tail ──> sync, apply ──> raise the epoch ──> opening txn needle ──> open
//      └──no──> newest snapshot ──none──> the log from its start ──┘        (read-only stops after the replay,
//                                                                            on a private copy of the index)
#pragma once

#include <map>
#include <memory>
#include <string>

#include "engine/core.h"
#include "store/log_reader.h"

namespace ciaos::engine {

// What a store looked like when it was opened.
struct Recovered {
  std::unique_ptr<Core> core;  // without committer
  TxnRef last;                 // the opening txn needle, or the last one for a read-only open
  SnapshotState snapshot;
  std::map<VolumeId, Generation> open_volumes;
};

class Recovery {
 public:
  Recovery(std::unique_ptr<store::VolumeSet> volumes, const Options& options, Clock& clock);
  Result<Recovered> run();

 private:
  Status open_index();
  Status copy_index();
  Status rebuild_index();
  Result<TxnRef> load_snapshot(const NeedlePlace& place);
  Result<TxnRef> index_position();
  Status replay(const TxnRef& from);
  Status replay_to_the_end(const TxnRef& from);
  Status apply(std::vector<store::LogBatch>& batches);
  Status learn_snapshot();
  Status learn_rows();
  Status check_volumes_exist();
  Status start_writer();
  Status give_back_unnamed(const std::vector<store::KnownVolume>& known);
  Status write_opening();

  Options options_;
  Recovered recovered_;
  Core& core_;
  std::string index_directory_;
  store::Superblock superblock_;
  std::vector<store::KnownVolume> known_;
  std::vector<std::uint32_t> next_slots_;
  std::uint64_t reserved_bytes_ = 0;  // of all files
};

}  // namespace ciaos::engine
