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
  explicit Applier(meta::Index* index) : index_(index) {}

  // A finding: the records are not what rows are made of.
  Result<std::optional<Finding>> add(const store::LogBatch& batch) {
    auto changes = meta::decode_changes(batch.records);
    if (!changes.ok()) {
      return std::optional(Finding{.problem = Problem::records_damaged,
                                   .found = batch.ref.sequence.value(),
                                   .what = to_string(changes.error())});
    }
    changes_.push_back(std::move(*changes));
    bytes_ += batch.records.size();
    position_ = batch.ref;
    return bytes_ < kRecordBytesAtOnce ? Result(std::optional<Finding>()) : apply();
  }

  Result<std::optional<Finding>> apply() {
    if (changes_.empty() || index_ == nullptr) {
      changes_.clear();
      bytes_ = 0;
      return std::optional<Finding>();
    }
    std::vector<const meta::Changes*> batches;
    batches.reserve(changes_.size());
    for (const meta::Changes& changes : changes_) batches.push_back(&changes);
    Status applied = index_->apply(batches, position_);
    changes_.clear();
    bytes_ = 0;
    if (applied.code() == EUCLEAN) {
      return std::optional(Finding{.problem = Problem::records_contradict,
                                   .found = position_.sequence.value(),
                                   .what = to_string(applied.error())});
    }
    if (!applied.ok()) return std::move(applied).error();
    return std::optional<Finding>();
  }

 private:
  meta::Index* index_;
  std::vector<meta::Changes> changes_;
  std::size_t bytes_ = 0;
  TxnRef position_;
};

}  // namespace

Result<Replay> replay(store::VolumeSet& volumes, const Uuid& store, const TxnRef& after, meta::Index* index,
                      Progress& progress) {
  Replay replay{.end = after};
  store::LogReader log(volumes, store, after);
  Applier applier(index);
  while (!replay.stopped) {
    TRY_VOID(progress.step(0));
    auto batch = log.next();
    if (!batch.ok()) {
      replay.stopped =
          Finding{.problem = batch.code() == EUCLEAN ? Problem::log_damaged : Problem::log_unreadable,
                  .found = replay.end.sequence.value(),
                  .what = to_string(batch.error())};
      break;
    }
    if (!batch->has_value()) break;
    const store::LogBatch& found = **batch;
    if (replay.batches++ == 0) replay.first = found.ref.sequence;
    replay.highest_epoch = std::max(replay.highest_epoch, found.ref.epoch);
    replay.end = found.ref;
    replay.stopped = TRY(applier.add(found));
  }
  if (!replay.stopped) replay.torn_tail = log.torn_tail();
  if (auto rest = TRY(applier.apply()); rest && !replay.stopped) replay.stopped = std::move(rest);
  return replay;
}

}  // namespace ciaos::fsck
