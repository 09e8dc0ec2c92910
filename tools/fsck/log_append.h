// Writing to the log, as a mount does: under an epoch of its own, behind all that is there, synced before it counts.
//
//   sync what lies there -> raise the epoch in the superblocks -> opening batch -> batches of corrections, a snapshot
//
// Cut short anywhere, the log ends with the last batch that was whole: what was wrong then is wrong still, and is found again.
#pragma once

#include <memory>
#include <vector>

#include "meta/index.h"
#include "store/log_writer.h"
#include "store/volume_pool.h"
#include "tools/fsck/check.h"

namespace ciaos::fsck {

// Not thread-safe.
class LogAppend {
 public:
  // Goes on behind check.log_end. `follower`, if given, is at that position and is kept at the end of the log.
  static Result<std::unique_ptr<LogAppend>> open(Check& check, std::shared_ptr<meta::Index> follower);

  // Durable on return; more than one batch if they are many.
  Status append(const meta::Changes& changes);
  // Another index, which is at last().
  void follow(std::shared_ptr<meta::Index> follower) { follower_ = std::move(follower); }
  // All rows of the follower as a snapshot, read back, and then named by the superblocks.
  Status write_snapshot();
  const TxnRef& last() const { return last_; }

 private:
  LogAppend(Check& check, std::shared_ptr<meta::Index> follower);
  Status start();
  Result<std::vector<store::KnownVolume>> known_volumes();
  Result<std::vector<std::uint32_t>> next_slots(const std::vector<store::KnownVolume>& known);
  Status commit(meta::Changes changes, bool opening);
  Result<NeedlePlace> append_piece(std::uint64_t number, ByteSpan payload);

  Check& check_;
  const std::shared_ptr<store::VolumeSet> volumes_;
  const Uuid uuid_;
  const store::LogLimits limits_;
  std::shared_ptr<meta::Index> follower_;
  TxnRef last_;
  std::unique_ptr<store::VolumePool> pool_;
  std::unique_ptr<store::LogWriter> writer_;
};

}  // namespace ciaos::fsck
