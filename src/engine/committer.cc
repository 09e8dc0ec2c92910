#include "engine/committer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/log.h"

namespace ciaos::engine {
namespace {

constexpr std::uint64_t kFullRetryMs = 500;
// A transaction of the index costs as much as ten small commits. So long durable batches wait for more of them.
constexpr std::uint64_t kGatherMs = 20;

}  // namespace

Committer::Committer(Rows& rows, store::LogWriter& writer, meta::Index& index, Gate& gate,
                     const CommitLimits& limits, Hooks hooks)
    : rows_(rows),
      writer_(writer),
      index_(index),
      gate_(gate),
      limits_(limits),
      hooks_(std::move(hooks)),
      open_(writer.open_sequence()),
      durable_(Sequence(writer.open_sequence().value() - 1)) {}

Committer::~Committer() { stop(); }

void Committer::start() {
  if (!limits_.background) return;
  index_thread_ = std::thread([this] { run_index_thread(); });
  interval_thread_ = std::thread([this] { run_interval_thread(); });
}

void Committer::stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    pending_.notify_all();
    tick_.notify_all();
    applied_.notify_all();
  }
  if (interval_thread_.joinable()) interval_thread_.join();
  if (index_thread_.joinable()) index_thread_.join();
}

Status Committer::admit() {
  if (writer_.open_batch_bytes() > limits_.data_bytes_max) TRY_VOID(commit());
  MutexLock lock(mutex_);
  while (!failure_ && !index_failure_ && !stopping_ && limits_.background &&
         queued_bytes_ > limits_.unapplied_bytes_max) {
    if (index_full_) return fail(ENOSPC);
    applied_.wait(mutex_);
  }
  if (failure_) return fail(EROFS);
  if (index_failure_) return fail(EROFS);
  return {};
}

bool Committer::is_behind() const {
  if (open_record_bytes() > record_bytes_open_max() || writer_.open_batch_bytes() > limits_.data_bytes_max)
    return true;
  MutexLock lock(mutex_);
  return queued_bytes_ > limits_.unapplied_bytes_max;
}

Result<Gate::Pass> Committer::enter(std::size_t record_bytes) {
  const std::size_t most = record_bytes_open_max();
  const std::size_t bytes = std::min(record_bytes, most);
  while (true) {
    auto pass = gate_.enter_within(bytes, most, [this] { return open_record_bytes(); });
    if (pass) return *std::move(pass);
    TRY_VOID(commit());
  }
}

Status Committer::commit() { return commit_through(rows_.newest_change()); }

Status Committer::commit_through(Sequence sequence) {
  MutexLock lock(mutex_);
  while (durable_ < sequence) {
    if (failure_) return fail(EIO, failure_->context);
    if (leading_) {
      waiters_for(sequence).wait(mutex_);
      continue;
    }
    leading_ = true;
    mutex_.unlock();
    lead();
    mutex_.lock();
    leading_ = false;
    waiters_for(open_).notify_one();
  }
  if (limits_.background || queue_.empty()) return {};
  mutex_.unlock();
  if (apply_pending()) hooks_.after_apply();
  mutex_.lock();
  return {};
}

void Committer::lead() {
  auto durable = make_durable();
  if (!durable.ok()) {
    fail_store(durable.error());
    return;
  }
  MutexLock lock(mutex_);
  durable_ = durable->batch.ref().sequence;
  logged_bytes_ += durable->bytes;
  queued_bytes_ += durable->overlay_bytes;
  queue_.push_back(*std::move(durable));
  waiters_for(durable_).notify_all();
  if (queue_.size() == 1 || !may_gather()) pending_.notify_one();
}

// Not while somebody waits for the index, or soon will.
bool Committer::may_gather() const {
  return settling_ == 0 && queued_bytes_ < limits_.unapplied_bytes_max / 4;
}

Result<Committer::Durable> Committer::make_durable() {
  TRY_VOID(hooks_.still_owner());
  hooks_.flush_early();
  std::shared_ptr<const meta::Changes> changes;
  std::optional<store::SealedBatch> sealed;
  std::size_t bytes = 0;
  std::size_t noted = 0;
  {
    Gate::Closed closed(gate_);
    TRY_VOID(hooks_.close_batch());
    noted = rows_.open_bytes();
    changes = rows_.cut();
    const ByteVector records = meta::encode_changes(*changes);
    bytes = records.size();
    sealed = TRY(writer_.cut(records, /*opening=*/false));
    hooks_.after_cut(sealed->ref());
    MutexLock lock(mutex_);
    CIAOS_ASSERT(sealed->ref().sequence == open_);
    open_ = next(open_);
  }
  return Durable{TRY(writer_.commit(*std::move(sealed))), std::move(changes), bytes, std::max(bytes, noted)};
}

bool Committer::apply_pending() {
  // Everything that waits goes into one transaction: many small commits must not mean many index transactions.
  std::vector<Durable> batches;
  {
    MutexLock lock(mutex_);
    if (applying_ || queue_.empty() || index_failure_) return false;
    applying_ = true;
    while (!queue_.empty()) {
      batches.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
  }
  std::vector<const meta::Changes*> changes;
  std::size_t bytes = 0;
  for (const Durable& batch : batches) {
    changes.push_back(batch.changes.get());
    bytes += batch.overlay_bytes;
  }
  const TxnRef last = batches.back().batch.ref();
  Status status = index_.apply(changes, last);
  if (status.code() == ENOSPC && hooks_.make_index_room()) status = index_.apply(changes, last);
  // Nothing is lost: the batches are durable, and stay in the overlay until there is room.
  const bool full = status.code() == ENOSPC && limits_.background;
  if (status.ok()) {
    for (const Durable& batch : batches) rows_.applied(*batch.changes, batch.batch.ref().sequence);
  } else if (!full) {
    log(LogLevel::error, "the index does not follow the log, new writes are refused: {}",
        to_string(status.error()));
  }
  MutexLock lock(mutex_);
  applying_ = false;
  if (full && !index_full_) log(LogLevel::error, "the index waits for room: {}", to_string(status.error()));
  index_full_ = full;
  if (full) {
    for (auto batch = batches.rbegin(); batch != batches.rend(); ++batch)
      queue_.push_front(std::move(*batch));
    applied_.notify_all();
    return false;
  }
  queued_bytes_ -= bytes;
  if (status.ok()) {
    applied_ref_ = last;
  } else {
    index_failure_ = status.error();
  }
  applied_.notify_all();
  return status.ok();
}

Status Committer::settle() {
  if (!limits_.background) {
    MutexLock lock(mutex_);
    if (index_failure_) return Error(*index_failure_);
    return {};
  }
  MutexLock lock(mutex_);
  ++settling_;
  pending_.notify_one();
  while ((!queue_.empty() || applying_) && !index_failure_ && !index_full_ && !stopping_)
    applied_.wait(mutex_);
  --settling_;
  if (index_failure_) return Error(*index_failure_);
  if (index_full_) return fail(ENOSPC, "the index waits for room");
  return {};
}

void Committer::run_index_thread() {
  while (true) {
    {
      MutexLock lock(mutex_);
      while (queue_.empty() && !stopping_) pending_.wait(mutex_);
      if (!stopping_ && !index_failure_ && may_gather()) pending_.wait_for(mutex_, kGatherMs);
      if (!stopping_ && index_full_) pending_.wait_for(mutex_, kFullRetryMs);
      if (stopping_) return;
      if (index_failure_) {
        pending_.wait(mutex_);
        continue;
      }
    }
    if (apply_pending()) hooks_.after_apply();
  }
}

void Committer::run_interval_thread() {
  while (true) {
    {
      MutexLock lock(mutex_);
      if (!stopping_) tick_.wait_for(mutex_, limits_.interval_ms);
      if (stopping_) return;
      if (failure_) continue;
    }
    // Its error is remembered and was logged; the next operation gets it.
    (void)commit().ok();
  }
}

Sequence Committer::open_sequence() const {
  MutexLock lock(mutex_);
  return open_;
}

Sequence Committer::durable_sequence() const {
  MutexLock lock(mutex_);
  return durable_;
}

void Committer::fail_store(const Error& error) {
  MutexLock lock(mutex_);
  if (!failure_) {
    failure_ = error;
    log(LogLevel::error, "the store is read-only until it is mounted again: {}", to_string(error));
  }
  for (CondVar& waiters : waiters_) waiters.notify_all();
  applied_.notify_all();
}

Status Committer::failure() const {
  MutexLock lock(mutex_);
  if (failure_) return Error(*failure_);
  return {};
}

std::uint64_t Committer::logged_bytes() const {
  MutexLock lock(mutex_);
  return logged_bytes_;
}

TxnRef Committer::applied_ref() const {
  MutexLock lock(mutex_);
  return applied_ref_;
}

}  // namespace ciaos::engine
