#include "store/txn_scan.h"

#include <algorithm>

namespace ciaos::store {
namespace {

// A replay wants each payload once, shortly after it was found; a heap of them is found only in a damaged log.
constexpr std::size_t kPayloadsKept = 3;

}  // namespace

TxnScan::TxnScan(std::shared_ptr<Device> volume, const Uuid& store, const VolumePosition& begin,
                 const TxnRef& last)
    : volume_(std::move(volume)),
      store_(store),
      least_epoch_(last.epoch),
      above_(last.sequence),
      scanner_(volume_, store, begin, volume_->size()) {}

Result<const FoundTxn*> TxnScan::at(std::size_t index) {
  while (index >= found_.size()) {
    if (!TRY(find_one())) return static_cast<const FoundTxn*>(nullptr);
  }
  return static_cast<const FoundTxn*>(&found_[index]);
}

void TxnScan::forget_until(Sequence sequence) {
  while (!found_.empty() && found_.front().ref.sequence <= sequence) found_.pop_front();
}

Result<bool> TxnScan::find_one() {
  for (;;) {
    const NeedleHeader* const header = TRY(scanner_.next());
    if (header == nullptr) return false;
    if (header->epoch < least_epoch_ || header->sequence <= above_) {
      // Left from an earlier writer: what that says of its length is nothing to go by, newer needles may lie inside.
      scanner_.search_inside();
      continue;
    }
    highest_sequence_ = std::max(highest_sequence_, header->sequence);
    if (header->kind != NeedleKind::txn) continue;
    auto found = read_txn(*volume_, store_, *header, scanner_.header_bytes());
    if (found.code() == EUCLEAN) {
      scanner_.search_inside();
      continue;
    }
    found_.push_back(TRY(std::move(found)));
    if (found_.size() > kPayloadsKept) found_.back().payload = {};
    return true;
  }
}

Result<FoundTxn> read_txn(Device& volume, const Uuid& store, const NeedleHeader& header,
                          ByteSpan header_bytes) {
  FoundTxn found;
  found.payload = TRY(read_payload(volume, store, header));
  found.txn = TRY(decode_txn_payload(found.payload)).header;
  found.header = header;
  found.ref = {header.sequence, header.epoch, needle_digest(header_bytes, found.payload), header.at,
               found.txn.resume};
  return found;
}

}  // namespace ciaos::store
