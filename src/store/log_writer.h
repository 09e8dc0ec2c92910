// Appends needles to volumes and makes batches of them durable.
//
// Needles go to memory first, packed into chunks of whole blocks. Full chunks are written in the background, unsynced;
// commit() writes what is left, padded to a block, waits for every write of the batch, and syncs each volume that took
// any. A block that was handed to the device is never written again.
//
// Where needles go. There is one open volume, where data, snapshot and txn needles are appended in order. The end of each
// volume keeps room for one largest txn needle. When the next needle of a batch does not fit before that room, data goes
// on in a fresh volume, but the txn needle of the running batch still goes to the volume where the one before it said
// the log goes on: there the search for it will begin. Its own `resume` then names the fresh volume.
//
//   volume 7   | data | txn 41 | data data | txn 42: resume = (8, end of batch 42's needles there) |
//   volume 8   | data of batch 42 ... | data | txn 43 | ...
//
// Failure: after a write or sync that failed, failed() stays true, appends and commits return the first error
// (invariant 7), and only a new writer after a recovery helps.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "base/log_position.h"
#include "base/mutex.h"
#include "base/uuid.h"
#include "store/chunk_queue.h"
#include "store/needle.h"
#include "store/open_batch.h"
#include "store/volume_pool.h"
#include "store/volume_set.h"
#include "store/zero_window.h"

namespace ciaos::store {

struct LogLimits {
  std::uint32_t data_payload_bytes_max = kDataPayloadBytesMax;
  std::uint32_t txn_payload_bytes_max = 18u << 20;  // 16 MiB of records, ranges, slack
  std::uint64_t chunk_bytes = 1u << 20;
  std::uint64_t unwritten_bytes_max = 64u << 20;  // throttle() waits above this
  std::uint64_t zero_window_bytes =
      4u << 20;  // kept written with zeros ahead of the tail while commits are small
};
// Limits scaled down to volumes of this size, so that a txn needle and a data needle always fit several times.
LogLimits limits_for_volume(std::uint64_t volume_bytes);
// Kept free at a volume's end for the txn needle of a batch that began there.
std::uint64_t txn_room_bytes(const LogLimits& limits);
// What a fresh volume can be counted on to take of data: all but the txn needle's room and a last needle that does not
// fit. For VolumePool.
std::uint64_t usable_volume_bytes(std::uint64_t volume_bytes, const LogLimits& limits);

// A batch whose txn needle is appended; nothing of it is durable.
class SealedBatch {
 public:
  SealedBatch(SealedBatch&&) = default;
  SealedBatch& operator=(SealedBatch&&) = default;
  const TxnRef& ref() const { return ref_; }

 private:
  friend class LogWriter;
  SealedBatch() = default;
  TxnRef ref_;
  std::uint64_t last_chunk_ = 0;
  std::uint64_t bytes_ = 0;
  std::vector<VolumeStart> touched_;
};

// Proof that a batch survives a power cut: made by LogWriter::commit() and by recovery alone. The engine queues only these for
// the index, so the wrong order does not compile there.
class DurableBatch {
 public:
  DurableBatch(DurableBatch&&) = default;
  DurableBatch& operator=(DurableBatch&&) = default;
  const TxnRef& ref() const { return ref_; }

 private:
  friend class LogWriter;
  friend class LogReader;
  explicit DurableBatch(const TxnRef& ref) : ref_(ref) {}
  TxnRef ref_;
};

struct WriterStats {
  std::uint64_t needles = 0;
  std::uint64_t bytes_appended = 0;  // needles, without padding
  std::uint64_t bytes_written = 0;   // to devices, zeros included
  std::uint64_t commits = 0;
  std::uint64_t syncs = 0;    // sync calls on devices
  std::uint64_t sync_ns = 0;  // that commits waited for them
};

class LogWriter {
 public:
  // Continues the log behind `last` (whose `resume` position is where writing goes on) as `epoch`, of which the superblocks
  // must already say so durably. Sequence of the first batch is next(last.sequence). If the volume cannot be opened or its
  // rest is too short for a txn needle, failure() says so from the start.
  LogWriter(VolumeSet& volumes, VolumePool& pool, const Uuid& store, Epoch epoch, const TxnRef& last,
            const LogLimits& limits);
  // Waits for writes under way; writes nothing more.
  ~LogWriter();

  struct Needle {
    NeedleKind kind = NeedleKind::data;  // not txn: cut() writes those
    InodeId inode;
    std::uint64_t file_offset = 0;
  };
  // Adds a needle to the open batch. Memory only, never waits for a device; thread-safe. The space must have been
  // reserved in the pool (needle_bytes_bound); the writer reports its room to the pool, the caller releases
  // its reservation. A snapshot needle that begins a volume may wait for the pool to make one. ENOSPC; EFBIG: no volume
  // takes a needle this long; E2BIG: the batch has kBatchRangesMax ranges and must be cut. All three leave the batch as
  // it was. REQUIRES: 0 < payload bytes <= the kind's limit.
  Result<NeedlePlace> append(const Needle& needle, std::span<const ByteSpan> payload) EXCLUDES(mutex_);

  // Ends the open batch with its txn needle. Not concurrent with append (the caller's gate sees to it), and only when the batch
  // before has come back from commit(). `opening` marks the first batch of a writer after recovery.
  // Call order: cut, commit, cut, commit, ... May wait for the pool to make a volume. ENOSPC, or EMSGSIZE when records and
  // ranges exceed txn_payload_bytes_max: nothing was appended and the batch is still open.
  Result<SealedBatch> cut(ByteSpan records, bool opening) EXCLUDES(mutex_);
  // One sync: every write of the batch, then every touched volume in parallel, all returned. Blocks; appends to the next
  // batch go on meanwhile.
  Result<DurableBatch> commit(SealedBatch batch) EXCLUDES(mutex_);

  // Waits until less than unwritten_bytes_max lie in memory. Call without locks, before buffering more.
  void throttle() EXCLUDES(mutex_);
  // Whether throttle() would wait, or almost.
  bool is_behind() const EXCLUDES(mutex_);
  // Copies needle bytes that the device may not have yet: [at.offset, + into.size()) of the volume. False when all of them
  // were written (read the device), true when `into` was filled. REQUIRES: the range lies in one needle.
  bool read_unwritten(const VolumePosition& at, MutableByteSpan into) EXCLUDES(mutex_);
  // Whether the device has all of the needle, as read_unwritten() tells of a range.
  bool is_written(const NeedlePlace& needle) const EXCLUDES(mutex_);

  // Volumes that were started since the last call, for their rows; in order. And the volume written now.
  std::vector<VolumeStart> take_started() EXCLUDES(mutex_);
  VolumePosition tail() const EXCLUDES(mutex_);
  // Payload bytes of data in the open batch, for the size limit that closes it early.
  std::uint64_t open_batch_bytes() const EXCLUDES(mutex_);
  Sequence open_sequence() const EXCLUDES(mutex_);
  Status failure() const EXCLUDES(mutex_);
  WriterStats stats() const EXCLUDES(mutex_);

 private:
  // Where a txn needle goes and where the log goes on behind it.
  struct TxnPlan {
    bool moved = false;  // data went on in another volume than the txn needle
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::optional<VolumeStart> fresh;  // the log goes on at its start
  };

  Status make_room(std::uint64_t payload_bytes, bool for_data) REQUIRES(mutex_);
  Result<VolumeStart> take_volume(bool for_data) REQUIRES(mutex_);
  void begin_volume(const VolumeStart& volume) REQUIRES(mutex_);
  Result<TxnPlan> plan_txn(std::uint64_t payload_bytes) REQUIRES(mutex_);
  TxnRef append_txn(const TxnPlan& plan, TxnHeader txn, ByteSpan records) REQUIRES(mutex_);
  void report_room() REQUIRES(mutex_);
  std::optional<ZeroWindow::Range> zeros_for(const SealedBatch& batch) REQUIRES(mutex_);
  Status write_batch(const SealedBatch& batch) EXCLUDES(mutex_);
  // Releases the mutex while devices work.
  void write_out(const std::vector<std::shared_ptr<Chunk>>& chunks,
                 const std::optional<ZeroWindow::Range>& zeros) REQUIRES(mutex_);
  Status sync_touched(const SealedBatch& batch) EXCLUDES(mutex_);
  void remember_failure(const Error& error) REQUIRES(mutex_);
  void write_in_background() EXCLUDES(mutex_);

  // Constant after construction.
  VolumeSet& volumes_;
  VolumePool& pool_;
  const Uuid store_;
  const Epoch epoch_;
  const LogLimits limits_;
  const std::uint64_t txn_room_bytes_;

  // Lock order: mutex_, then the pool's. Never held while a device works.
  mutable Mutex mutex_;
  CondVar work_;     // for the background thread
  CondVar written_;  // for whoever waits for writes, or for a volume
  Status failure_ GUARDED_BY(mutex_);
  ChunkQueue chunks_ GUARDED_BY(mutex_);
  OpenBatch batch_ GUARDED_BY(mutex_);
  ZeroWindow zero_window_ GUARDED_BY(mutex_);
  ChunkQueue::Busy zeros_under_way_ GUARDED_BY(mutex_);
  VolumeStart current_ GUARDED_BY(mutex_);  // takes data
  std::uint64_t tail_ GUARDED_BY(mutex_) = 0;
  VolumeStart log_ GUARDED_BY(mutex_);             // takes the next txn needle; current_ until data moves on
  std::uint64_t log_tail_ GUARDED_BY(mutex_) = 0;  // where, once data has moved on
  TxnRef last_ GUARDED_BY(mutex_);
  std::vector<VolumeStart> started_ GUARDED_BY(mutex_);
  std::uint64_t batch_data_bytes_ GUARDED_BY(mutex_) = 0;
  std::uint64_t batch_bytes_ GUARDED_BY(mutex_) = 0;
  bool taking_volume_ GUARDED_BY(mutex_) = false;
  bool committing_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  WriterStats stats_ GUARDED_BY(mutex_);

  std::thread background_;
};

}  // namespace ciaos::store
