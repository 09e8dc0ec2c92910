#include "tools/fsck/replay.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace ciaos::fsck {
namespace {

// One SQLite transaction for many small batches: it is thrown away anyway if the check is cut short.
constexpr std::size_t kRecordBytesAtOnce = 8 << 20;

class Applier {
 public:
  Applier(meta::Index* index, const TxnRef& after) : index_(index), end_(after) {}

  // A finding: the records are not what rows are made of.
  Result<std::optional<Finding>> add(const store::LogBatch& batch) {
    auto changes = meta::decode_changes(batch.records);
    if (!changes.ok()) {
      return std::optional(Finding{.problem = Problem::records_damaged,
                                   .found = batch.ref.sequence.value(),
                                   .what = to_string(changes.error())});
    }
    changes_.push_back(std::move(*changes));
    positions_.push_back(batch.ref);
    bytes_ += batch.records.size();
    return bytes_ < kRecordBytesAtOnce ? Result(std::optional<Finding>()) : apply();
  }

  Result<std::optional<Finding>> apply() {
    std::vector<const meta::Changes*> batches;
    batches.reserve(changes_.size());
    for (const meta::Changes& changes : changes_) batches.push_back(&changes);
    std::optional<Finding> contradiction;
    if (index_ != nullptr && !batches.empty()) {
      const Status applied = index_->apply(batches, positions_.back());
      // The transaction is undone; one by one, those before the contradiction count.
      if (applied.code() == EUCLEAN) {
        contradiction = TRY(apply_one_by_one(batches));
      } else {
        TRY_VOID(applied);
      }
    }
    if (!contradiction && !positions_.empty()) end_ = positions_.back();
    changes_.clear();
    positions_.clear();
    bytes_ = 0;
    return contradiction;
  }

  // The last batch that is in the rows.
  const TxnRef& end() const { return end_; }

 private:
  Result<std::optional<Finding>> apply_one_by_one(const std::vector<const meta::Changes*>& batches) {
    for (std::size_t i = 0; i < batches.size(); ++i) {
      const Status applied = index_->apply({&batches[i], 1}, positions_[i]);
      if (applied.code() == EUCLEAN) {
        return std::optional(Finding{.problem = Problem::records_contradict,
                                     .found = positions_[i].sequence.value(),
                                     .what = to_string(applied.error())});
      }
      TRY_VOID(applied);
      end_ = positions_[i];
    }
    return std::optional<Finding>();
  }

  meta::Index* index_;
  TxnRef end_;
  std::vector<meta::Changes> changes_;
  std::vector<TxnRef> positions_;  // of each
  std::size_t bytes_ = 0;
};

}  // namespace

Result<Replay> replay(store::VolumeSet& volumes, const Uuid& store, const TxnRef& after, meta::Index* index,
                      Progress& progress) {
  Replay replay{.end = after};
  store::LogReader log(volumes, store, after);
  Applier applier(index, after);
  while (!replay.stopped) {
    TRY_VOID(progress.step(0));
    auto batch = log.next();
    if (!batch.ok()) {
      replay.stopped =
          Finding{.problem = batch.code() == EUCLEAN ? Problem::log_damaged : Problem::log_unreadable,
                  .found = log.last().sequence.value(),
                  .what = to_string(batch.error())};
      break;
    }
    if (!batch->has_value()) break;
    const store::LogBatch& found = **batch;
    if (replay.batches++ == 0) replay.first = found.ref.sequence;
    replay.highest_epoch = std::max(replay.highest_epoch, found.ref.epoch);
    replay.stopped = TRY(applier.add(found));
  }
  if (!replay.stopped) replay.torn_tail = log.torn_tail();
  if (auto rest = TRY(applier.apply()); rest) replay.stopped = std::move(rest);
  replay.end = applier.end();
  return replay;
}

}  // namespace ciaos::fsck
