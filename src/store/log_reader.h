// Reads the log forward: what is proven, and where it ends.
//
// A txn needle proves every batch before it. The reader therefore looks one ahead: a batch that has a successor is returned
// without a look at its data; the last one is returned only if every needle its ranges name verifies, payloads
// included. What is beyond is a torn tail and forgotten, unless a txn needle of a later batch shows that it was
// not the end.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log_position.h"
#include "store/log_writer.h"
#include "store/needle.h"
#include "store/volume_set.h"

namespace ciaos::store {

struct LogBatch {
  TxnRef ref;
  bool opening = false;
  std::vector<BatchRange> ranges;
  ByteVector records;
};

class LogReader {
 public:
  // Reads on behind `after`. For the first batch of a store: TxnRef{} with `resume` = superblock.log_start.
  // With direct I/O, so that what is read is what the device holds.
  LogReader(VolumeSet& volumes, const Uuid& store, const TxnRef& after);
  ~LogReader();

  // The next batch, or nullopt at the end of the log. EUCLEAN: a batch is missing in the middle (a txn needle of a later
  // batch was found), or the volume where the log goes on: the log is damaged, not ended. EIO: a read
  // failed, which is no end either.
  Result<std::optional<LogBatch>> next();
  // The last batch that next() returned, or what was given to the constructor.
  const TxnRef& last() const;
  // A txn needle with its number was there at the end, but not its whole batch (or parts of needles were): for messages.
  bool torn_tail() const;

  // Makes the token for a batch that recovery found in the log, after it has synced every device.
  static DurableBatch durable_after_sync(const LogBatch& batch);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The txn needle at `ref.at` as it stands there now. ESTALE: it is not the one that `ref` remembers (other digest, other
// needle, garbage, no such volume): whoever remembers it belongs to another log. EIO: cannot tell.
Status check_txn(VolumeSet& volumes, const Uuid& store, const TxnRef& ref);

// Reads a whole needle, verified, and checks that it is the one that `place` means. EUCLEAN, EIO, ENOENT (no such volume).
struct WholeNeedle {
  NeedleHeader header;
  ByteVector payload;
};
Result<WholeNeedle> read_needle(VolumeSet& volumes, const Uuid& store, const NeedlePlace& place);

// Walks all needle headers that can be found in a volume from `begin`, resynchronising after damage; for fsck and
// salvage. The callback returns false to stop. Payloads are not read.
struct FoundNeedle {
  NeedleHeader header;
  std::uint64_t skipped_bytes = 0;  // of non-zero bytes that were no needle, just before this one
};
Status scan_needles(VolumeSet& volumes, const Uuid& store, VolumeId volume, Generation generation,
                    std::uint64_t begin, const std::function<bool(const FoundNeedle&)>& found);

}  // namespace ciaos::store
