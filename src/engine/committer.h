// Makes batches durable, and the index follow them.
//
//   open ──cut──> sealed ──one sync──> durable ──apply──> applied
//   (gate closed)  (DurableBatch exists from here)  (leaves the overlay)
//
// Many callers share one sync: the first that finds no leader leads, the others wait for its result. The next batch is
// cut only after the sync of the one before has returned, so everything that arrives meanwhile shares the next sync.
//
// Lock order: the gate, then mutex_. mutex_ is never held across a cut, a sync or an apply.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "base/clock.h"
#include "base/mutex.h"
#include "engine/gate.h"
#include "engine/rows.h"
#include "meta/index.h"
#include "store/log_writer.h"

namespace ciaos::engine {

struct CommitLimits {
  std::size_t record_bytes_max = 16u << 20;     // of one batch; a batch closes early at three quarters of it
  std::uint64_t data_bytes_max = 1ull << 30;    // of one batch
  std::size_t unapplied_bytes_max = 64u << 20;  // records the index has not applied; operations wait above it
  std::uint64_t interval_ms = 5000;
  bool background = true;
};

// Thread-safe.
class Committer {
 public:
  struct Hooks {
    // Bytes of records that buffered writes will make when they become needles.
    std::function<std::size_t()> buffered_records;
    // Outside the gate, before it closes: write buffers become needles, so that little is left for flush_all.
    std::function<void()> flush_early;
    // The index has found no room: false if none can be made.
    std::function<bool()> make_index_room;
    // With the gate closed: the rest of the buffers, and rows about the store itself.
    std::function<Status()> close_batch;
    // With the gate closed, after the cut.
    std::function<void(const TxnRef&)> after_cut;
    // Before a batch is cut: does the store still belong to this writer (invariant 9)?
    std::function<Status()> still_owner;
    // On the index thread (or the committing one, without background): after batches were applied.
    std::function<void()> after_apply;
  };

  Committer(Rows& rows, store::LogWriter& writer, meta::Index& index, Gate& gate, const CommitLimits& limits,
            Hooks hooks);
  // Stops the threads; commits nothing.
  ~Committer();
  void start() EXCLUDES(mutex_);
  void stop() EXCLUDES(mutex_);

  // Before an operation that changes something, without locks: waits where a limit is reached. EROFS after a failure.
  Status admit() EXCLUDES(mutex_);
  // Whether admit() would wait.
  bool is_behind() const EXCLUDES(mutex_);
  // Behind admit(), without locks: the gate, for an operation that notes about so many bytes of records at most. Commits first
  // when the open batch has no room for as many; one that is larger than a batch should be has one for itself. EIO.
  Result<Gate::Pass> enter(std::size_t record_bytes) EXCLUDES(mutex_);
  // Returns when batch `sequence` is durable; EIO if it never will be. 0 is durable.
  Status commit_through(Sequence sequence) EXCLUDES(mutex_);
  // Everything before the call, if there is anything.
  Status commit() EXCLUDES(mutex_);
  // Everything durable is applied on return; the index's error otherwise.
  Status settle() EXCLUDES(mutex_);

  // The number of the batch that changes belong to now; stable inside the gate.
  Sequence open_sequence() const EXCLUDES(mutex_);
  Sequence durable_sequence() const EXCLUDES(mutex_);
  // The store stops taking changes: after a failed sync or write, or when another writer owns it.
  void fail_store(const Error& error) EXCLUDES(mutex_);
  Status failure() const EXCLUDES(mutex_);
  // Bytes of records in txn needles since the writer was made.
  std::uint64_t logged_bytes() const EXCLUDES(mutex_);
  TxnRef applied_ref() const EXCLUDES(mutex_);

 private:
  struct Durable {
    store::DurableBatch batch;
    std::shared_ptr<const meta::Changes> changes;
    std::size_t bytes = 0;          // of the encoded records
    std::size_t overlay_bytes = 0;  // about what they take until they are applied
  };

  // What a batch may be let grow to; the rest is room for what is noted while it is closed.
  std::size_t record_bytes_open_max() const { return limits_.record_bytes_max / 4 * 3; }
  std::size_t open_record_bytes() const { return rows_.open_bytes() + hooks_.buffered_records(); }
  Result<Durable> make_durable();
  void lead() EXCLUDES(mutex_);
  bool apply_pending() EXCLUDES(mutex_);
  bool may_gather() const REQUIRES(mutex_);
  void run_index_thread() EXCLUDES(mutex_);
  void run_interval_thread() EXCLUDES(mutex_);
  // Those who wait for the batch that is being made durable are woken when it is; of those who wait for the one behind it,
  // one, to lead it. Nobody waits for a third.
  CondVar& waiters_for(Sequence batch) { return waiters_[batch.value() % 2]; }

  // --- constant after construction ---
  Rows& rows_;
  store::LogWriter& writer_;
  meta::Index& index_;
  Gate& gate_;
  const CommitLimits limits_;
  const Hooks hooks_;

  mutable Mutex mutex_;
  std::array<CondVar, 2> waiters_;  // see waiters_for()
  CondVar pending_;  // for the index thread: something to apply, nothing to gather for any more, or stop
  CondVar applied_;  // the index thread has applied something, or failed
  CondVar tick_;     // for the interval thread: stop
  Sequence open_ GUARDED_BY(mutex_);
  Sequence durable_ GUARDED_BY(mutex_);
  bool leading_ GUARDED_BY(mutex_) = false;
  std::optional<Error> failure_ GUARDED_BY(mutex_);
  std::optional<Error> index_failure_ GUARDED_BY(mutex_);
  bool index_full_ GUARDED_BY(mutex_) = false;  // the queue waits for room; tried again and again
  std::deque<Durable> queue_ GUARDED_BY(mutex_);
  std::size_t queued_bytes_ GUARDED_BY(mutex_) = 0;
  bool applying_ GUARDED_BY(mutex_) = false;
  std::uint32_t settling_ GUARDED_BY(mutex_) = 0;  // callers of settle() that wait
  std::uint64_t logged_bytes_ GUARDED_BY(mutex_) = 0;
  TxnRef applied_ref_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread index_thread_;
  std::thread interval_thread_;
};

}  // namespace ciaos::engine
