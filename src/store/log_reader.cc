#include "store/log_reader.h"

#include <iterator>
#include <map>
#include <string>
#include <utility>

#include "store/txn_scan.h"

namespace ciaos::store {
namespace {

bool follows(const FoundTxn& found, const TxnRef& before) {
  if (found.ref.sequence != next(before.sequence)) return false;
  if (found.txn.previous_digest != before.digest || found.txn.previous_epoch != before.epoch) return false;
  const bool first_of_store = before.sequence == Sequence(0);
  return first_of_store || found.ref.epoch == before.epoch ||
         (found.ref.epoch > before.epoch && found.txn.opening);
}

bool in_one_volume(const VolumePosition& a, const VolumePosition& b) {
  return a.volume == b.volume && a.generation == b.generation;
}

Error damaged(const TxnRef& last) {
  return fail(EUCLEAN, "batch " + std::to_string(next(last.sequence).value()) +
                           " is missing or not whole, but there are later ones");
}

}  // namespace

struct LogReader::State {
  State(VolumeSet& set, const Uuid& uuid, const TxnRef& after) : volumes(set), store(uuid), last(after) {}

  VolumeSet& volumes;
  const Uuid store;
  TxnRef last;
  bool torn = false;
  // Of the volumes in which the log may go on behind `last` and behind the batch after it.
  std::map<VolumePosition, std::unique_ptr<TxnScan>> scans;

  Result<TxnScan*> scan_from(const VolumePosition& resume);
  Result<const FoundTxn*> successor_of(const TxnRef& ref);
  Result<const FoundTxn*> highest_epoch_behind_last(const FoundTxn* first);
  Result<bool> log_goes_on(const VolumePosition& resume, Epoch least_epoch);
  Result<bool> batch_is_whole(const FoundTxn& found);
  Result<bool> range_is_whole(const BatchRange& range, const TxnRef& batch);
  Status check_size(const Device& volume) const;
  Result<std::optional<LogBatch>> end_without_candidate();
  Result<LogBatch> accept(const FoundTxn& found);
};

// Null when there is no such volume. That is normal for what a torn batch names: a recovery that came to nothing in
// the end may have given the volume back.
Result<TxnScan*> LogReader::State::scan_from(const VolumePosition& resume) {
  const auto behind = scans.upper_bound(resume);
  if (behind != scans.begin() && in_one_volume(std::prev(behind)->first, resume))
    return std::prev(behind)->second.get();
  auto volume = volumes.volume(resume.volume);
  if (volume.code() == ENOENT) return static_cast<TxnScan*>(nullptr);
  auto scan = std::make_unique<TxnScan>(TRY(std::move(volume)), store, resume, last);
  return scans.emplace(resume, std::move(scan)).first->second.get();
}

Result<const FoundTxn*> LogReader::State::successor_of(const TxnRef& ref) {
  TxnScan* const scan = TRY(scan_from(ref.resume));
  for (std::size_t i = 0; scan != nullptr; ++i) {
    const FoundTxn* const found = TRY(scan->at(i));
    if (found == nullptr) break;
    if (found->ref.at.offset >= ref.resume.offset && follows(*found, ref)) return found;
  }
  return static_cast<const FoundTxn*>(nullptr);
}

// A writer that opened the store behind `last` has seen all that a lower epoch left there, and found it torn.
Result<const FoundTxn*> LogReader::State::highest_epoch_behind_last(const FoundTxn* first) {
  TxnScan* const scan = TRY(scan_from(last.resume));
  const FoundTxn* highest = first;
  for (std::size_t i = 0;; ++i) {
    const FoundTxn* const found = TRY(scan->at(i));
    if (found == nullptr) return highest;
    if (found->ref.epoch > highest->ref.epoch && follows(*found, last)) highest = found;
  }
}

// A txn needle is written only after the sync of the batch before it: one that is two or more ahead of `last` shows
// that the batch between was whole once.
Result<bool> LogReader::State::log_goes_on(const VolumePosition& resume, Epoch least_epoch) {
  TxnScan* const scan = TRY(scan_from(resume));
  for (std::size_t i = 0; scan != nullptr; ++i) {
    const FoundTxn* const found = TRY(scan->at(i));
    if (found == nullptr) break;
    if (found->ref.sequence > ciaos::next(last.sequence) && found->ref.epoch >= least_epoch) return true;
  }
  return false;
}

Result<bool> LogReader::State::batch_is_whole(const FoundTxn& found) {
  for (const BatchRange& range : found.txn.ranges) {
    if (!TRY(range_is_whole(range, found.ref))) return false;
  }
  return true;
}

// What was cut off may be what is looked for: no end of the log, and no batch torn, is believed where a volume is short.
Status LogReader::State::check_size(const Device& volume) const {
  if (volume.size() >= volumes.superblock().volume_bytes) return {};
  return fail(EUCLEAN, volume.name() + " was cut short, and the log may have gone on there");
}

Result<bool> LogReader::State::range_is_whole(const BatchRange& range, const TxnRef& batch) {
  auto volume = volumes.volume(range.volume);
  if (volume.code() == ENOENT) return false;
  const std::shared_ptr<Device> device = TRY(std::move(volume));
  TRY_VOID(check_size(*device));
  if (range.end > device->size()) return false;
  NeedleScanner scanner(device, store, {range.volume, range.generation, range.begin}, range.end);
  DigestStream digest;
  std::uint64_t needles = 0;
  std::uint64_t end = 0;
  for (;;) {
    const NeedleHeader* const header = TRY(scanner.next());
    if (header == nullptr) break;
    if (header->sequence != batch.sequence || header->epoch != batch.epoch ||
        header->kind == NeedleKind::txn) {
      scanner.search_inside();
      continue;
    }
    digest.update(scanner.header_bytes());
    ++needles;
    end = header->end();
    const Status payload = check_payload(*device, store, *header);
    if (payload.code() == EUCLEAN) return false;
    TRY_VOID(payload);
  }
  return needles == range.needles && end == range.end && digest.value() == range.digest;
}

Result<std::optional<LogBatch>> LogReader::State::end_without_candidate() {
  TxnScan* const scan = TRY(scan_from(last.resume));
  if (scan == nullptr) {
    return fail(EUCLEAN,
                "it goes on in volume " + std::to_string(last.resume.volume.value()) + ", which is missing");
  }
  TRY_VOID(check_size(*TRY(volumes.volume(last.resume.volume))));
  if (TRY(log_goes_on(last.resume, last.epoch))) return damaged(last);
  torn = scan->highest_sequence() > last.sequence;
  return std::optional<LogBatch>();
}

Result<LogBatch> LogReader::State::accept(const FoundTxn& found) {
  LogBatch batch;
  batch.ref = found.ref;
  batch.opening = found.txn.opening;
  batch.ranges = found.txn.ranges;
  ByteVector again;
  if (found.payload.empty()) {
    const std::shared_ptr<Device> volume = TRY(volumes.volume(found.ref.at.volume));
    again = TRY(read_payload(*volume, store, found.header));
  }
  const TxnPayload payload = TRY(decode_txn_payload(again.empty() ? found.payload : again));
  batch.records.assign(payload.records.begin(), payload.records.end());

  last = batch.ref;
  std::erase_if(scans, [&](const auto& scan) { return !in_one_volume(scan.first, last.resume); });
  for (auto& [where, scan] : scans) scan->forget_until(last.sequence);
  return batch;
}

LogReader::LogReader(VolumeSet& volumes, const Uuid& store, const TxnRef& after)
    : state_(std::make_unique<State>(volumes, store, after)) {}
LogReader::~LogReader() = default;

Result<std::optional<LogBatch>> LogReader::next() {
  State& s = *state_;
  const FoundTxn* found = TRY(s.successor_of(s.last));
  if (found == nullptr) return s.end_without_candidate();
  const FoundTxn* proof = TRY(s.successor_of(found->ref));
  if (proof == nullptr) {
    const FoundTxn* const highest = TRY(s.highest_epoch_behind_last(found));
    if (highest != found) {
      found = highest;
      proof = TRY(s.successor_of(found->ref));
    }
  }
  if (proof == nullptr && !TRY(s.batch_is_whole(*found))) {
    if (TRY(s.log_goes_on(s.last.resume, found->ref.epoch)) ||
        TRY(s.log_goes_on(found->ref.resume, found->ref.epoch))) {
      return damaged(s.last);
    }
    s.torn = true;
    return std::optional<LogBatch>();
  }
  return std::optional<LogBatch>(TRY(s.accept(*found)));
}

const TxnRef& LogReader::last() const { return state_->last; }

bool LogReader::torn_tail() const { return state_->torn; }

DurableBatch LogReader::durable_after_sync(const LogBatch& batch) { return DurableBatch(batch.ref); }

}  // namespace ciaos::store
