// The log's records on top of rows: what recovery does, done here without its code.
#pragma once

#include <cstdint>
#include <optional>

#include "meta/index.h"
#include "store/log_reader.h"
#include "tools/fsck/problem.h"
#include "tools/fsck/progress.h"

namespace ciaos::fsck {

struct Replay {
  TxnRef end;  // of the last batch that was applied
  std::uint64_t batches = 0;
  Sequence first;  // 0: none
  Epoch highest_epoch;
  bool torn_tail = false;
  std::optional<Finding> stopped;  // why the end of the log was not reached
};

// Applies what comes behind `after` to `index`, whose applied position that is. With null only reads. An Error is about
// `index` and the check, not about the log.
Result<Replay> replay(store::VolumeSet& volumes, const Uuid& store, const TxnRef& after, meta::Index* index,
                      Progress& progress);

}  // namespace ciaos::fsck
