// The txn needles of one volume that may belong to the log's end, in the order in which they lie.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>

#include "store/needle.h"
#include "store/needle_scanner.h"

namespace ciaos::store {

// A txn needle that verifies, payload included.
struct FoundTxn {
  TxnRef ref;
  TxnHeader txn;
  NeedleHeader header;
  ByteVector payload;  // may be empty: read it again
};

// Not thread-safe. Scans as far as it is asked to, and each byte once.
class TxnScan {
 public:
  // From `begin` to the volume's end, above `last`: a txn needle with a lower epoch or no higher number is none of its
  // successors and left out.
  TxnScan(std::shared_ptr<Device> volume, const Uuid& store, const VolumePosition& begin, const TxnRef& last);

  // The index-th that was found and not forgotten; null when the volume has no more. Stays where it is until forgotten.
  Result<const FoundTxn*> at(std::size_t index);
  // Those with numbers up to this one, as long as they are in front.
  void forget_until(Sequence sequence);
  // The highest number of any needle found, of data too, that could be above the last batch.
  Sequence highest_sequence() const { return highest_sequence_; }

 private:
  // False at the end of the volume.
  Result<bool> find_one();

  const std::shared_ptr<Device> volume_;
  const Uuid store_;
  const Epoch least_epoch_;
  const Sequence above_;
  NeedleScanner scanner_;
  std::deque<FoundTxn> found_;
  Sequence highest_sequence_;
};

// The txn needle behind a header that verifies. EUCLEAN: damaged payload. ENOTSUP: of a later format.
Result<FoundTxn> read_txn(Device& volume, const Uuid& store, const NeedleHeader& header,
                          ByteSpan header_bytes);

}  // namespace ciaos::store
