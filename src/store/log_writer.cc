#include "store/log_writer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.h"

namespace ciaos::store {

LogLimits limits_for_volume(std::uint64_t volume_bytes) {
  LogLimits limits;
  const auto share = [&](std::uint64_t limit, std::uint64_t parts) {
    return std::min(limit, align_down(volume_bytes / parts, kBlockBytes));
  };
  limits.data_payload_bytes_max = static_cast<std::uint32_t>(share(limits.data_payload_bytes_max, 16));
  limits.txn_payload_bytes_max = static_cast<std::uint32_t>(share(limits.txn_payload_bytes_max, 8));
  limits.chunk_bytes = share(limits.chunk_bytes, 16);
  limits.zero_window_bytes = share(limits.zero_window_bytes, 16);
  return limits;
}

std::uint64_t txn_room_bytes(const LogLimits& limits) {
  // One block more: the txn needle does not share a block with what was written before it.
  return align_up(needle_bytes_bound(limits.txn_payload_bytes_max), kBlockBytes) + kBlockBytes;
}

std::uint64_t usable_volume_bytes(std::uint64_t volume_bytes, const LogLimits& limits) {
  const std::uint64_t kept = txn_room_bytes(limits) + needle_bytes_bound(limits.data_payload_bytes_max);
  return volume_bytes > kept ? volume_bytes - kept : 0;
}

LogWriter::LogWriter(VolumeSet& volumes, VolumePool& pool, const Uuid& store, Epoch epoch, const TxnRef& last,
                     const LogLimits& limits)
    : volumes_(volumes),
      pool_(pool),
      store_(store),
      epoch_(epoch),
      limits_(limits),
      txn_room_bytes_(store::txn_room_bytes(limits)),
      chunks_(limits.chunk_bytes, limits.unwritten_bytes_max / 2),
      zero_window_(limits.zero_window_bytes),
      last_(last) {
  CIAOS_ASSERT(limits.chunk_bytes > 0 && limits.chunk_bytes % kBlockBytes == 0);
  CIAOS_ASSERT(limits.data_payload_bytes_max > 0 && limits.data_payload_bytes_max <= kDataPayloadBytesMax);
  CIAOS_ASSERT(limits.txn_payload_bytes_max > TxnLayout::bytes &&
               limits.txn_payload_bytes_max <= kTxnPayloadBytesMax);
  auto device = volumes.volume(last.resume.volume);
  MutexLock lock(mutex_);
  if (!device.ok()) {
    failure_ = with_context(device.error(), "the volume in which the log goes on");
    return;
  }
  current_ = {last.resume.volume, last.resume.generation, *std::move(device)};
  tail_ = last.resume.offset;
  log_ = current_;
  const std::uint64_t volume_bytes = current_.device->size();
  if (tail_ % kBlockBytes != 0 || tail_ > volume_bytes ||
      volume_bytes - tail_ < txn_room_bytes_ - kBlockBytes) {
    failure_ = fail(EUCLEAN, "the log goes on where its volume has no room for it");
    return;
  }
  report_room();
  background_ = std::thread([this] { write_in_background(); });
}

LogWriter::~LogWriter() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    work_.notify_all();
  }
  if (background_.joinable()) background_.join();
}

Result<NeedlePlace> LogWriter::append(const Needle& needle, std::span<const ByteSpan> payload) {
  std::uint64_t payload_bytes = 0;
  for (const ByteSpan part : payload) payload_bytes += part.size();
  CIAOS_ASSERT(needle.kind != NeedleKind::txn && payload_bytes > 0);
  CIAOS_ASSERT(payload_bytes <=
               (needle.kind == NeedleKind::data ? limits_.data_payload_bytes_max : kSnapshotPayloadBytesMax));

  NeedleHeader header;
  header.kind = needle.kind;
  header.payload_bytes = static_cast<std::uint32_t>(payload_bytes);
  header.epoch = epoch_;
  header.inode = needle.inode;
  header.file_offset = needle.file_offset;
  ChunkQueue::Slot slot;
  OpenBatch::Ticket ticket = 0;
  {
    MutexLock lock(mutex_);
    TRY_VOID(make_room(payload_bytes, needle.kind == NeedleKind::data));
    header.sequence = next(last_.sequence);
    header.at = {current_.volume, current_.generation, align_up(tail_, kNeedleAlignment)};
    slot = chunks_.reserve(current_, header.at.offset, header.end());
    ticket = batch_.add(current_, header.at.offset, header.end(), slot, needle_header_bytes(payload_bytes));
    tail_ = header.end();
    if (needle.kind == NeedleKind::data) batch_data_bytes_ += payload_bytes;
    batch_bytes_ += header.end() - header.at.offset;
    ++stats_.needles;
    stats_.bytes_appended += header.end() - header.at.offset;
    report_room();
  }
  // Checksums and copying are most of the work: outside of the mutex, so that appends run side by side.
  encode_needle(store_, header, payload,
                slot.chunk->buffer.span().subspan(slot.at, header.end() - header.at.offset));
  MutexLock lock(mutex_);
  batch_.complete(ticket);
  chunks_.complete(*slot.chunk);
  if (chunks_.waiting_bytes() > 0) work_.notify_one();
  return header.place();
}

// On success the needle fits behind tail_ and leaves the txn needle's room.
Status LogWriter::make_room(std::uint64_t payload_bytes, bool for_data) {
  for (;;) {
    if (!failure_.ok()) return failure_;
    const std::uint64_t end = needle_end(align_up(tail_, kNeedleAlignment), payload_bytes);
    const std::uint64_t volume_bytes = current_.device->size();
    if (end + txn_room_bytes_ <= volume_bytes) return {};
    if (needle_bytes_bound(payload_bytes) + txn_room_bytes_ > volume_bytes) return fail(EFBIG);
    if (batch_.range_count() == kBatchRangesMax) return fail(E2BIG);
    if (taking_volume_) {
      written_.wait(mutex_);
      continue;
    }
    begin_volume(TRY(take_volume(for_data)));
  }
}

// The pool may have to make one: without the mutex, and only one thread at a time.
Result<VolumeStart> LogWriter::take_volume(bool for_data) {
  taking_volume_ = true;
  mutex_.unlock();
  auto volume = pool_.take(for_data);
  mutex_.lock();
  taking_volume_ = false;
  written_.notify_all();
  return volume;
}

void LogWriter::begin_volume(const VolumeStart& volume) {
  chunks_.flush();
  if (log_.volume == current_.volume) log_tail_ = align_up(tail_, kBlockBytes);
  current_ = volume;
  tail_ = 0;
  started_.push_back(volume);
  work_.notify_one();
}

void LogWriter::report_room() {
  const std::uint64_t kept = txn_room_bytes_ + needle_bytes_bound(limits_.data_payload_bytes_max);
  const std::uint64_t volume_bytes = current_.device->size();
  pool_.set_current_room(volume_bytes > tail_ + kept ? volume_bytes - tail_ - kept : 0);
}

Result<SealedBatch> LogWriter::cut(ByteSpan records, bool opening) {
  MutexLock lock(mutex_);
  if (!failure_.ok()) return failure_.error();
  CIAOS_ASSERT(!committing_);
  const std::uint64_t payload_bytes =
      TxnLayout::bytes + batch_.range_count() * BatchRangeLayout::bytes + records.size();
  if (payload_bytes > limits_.txn_payload_bytes_max) return fail(EMSGSIZE, "the batch has too many records");
  const TxnPlan plan = TRY(plan_txn(payload_bytes));

  SealedBatch sealed;
  sealed.touched_ = batch_.volumes();
  if (!batch_.has_range_in(log_.volume)) sealed.touched_.push_back(log_);
  TxnHeader txn;
  txn.opening = opening;
  txn.previous_digest = last_.digest;
  txn.previous_epoch = last_.epoch;
  txn.nonce = opening ? random_u64() : 0;
  txn.ranges = batch_.ranges();
  sealed.ref_ = append_txn(plan, std::move(txn), records);
  sealed.last_chunk_ = chunks_.flush();
  sealed.bytes_ = batch_bytes_;

  if (plan.fresh.has_value()) begin_volume(*plan.fresh);
  log_ = current_;
  last_ = sealed.ref_;
  batch_ = OpenBatch();
  batch_data_bytes_ = 0;
  batch_bytes_ = 0;
  committing_ = true;
  report_room();
  return sealed;
}

Result<LogWriter::TxnPlan> LogWriter::plan_txn(std::uint64_t payload_bytes) {
  TxnPlan plan;
  plan.moved = log_.volume != current_.volume;
  plan.begin = plan.moved ? log_tail_ : align_up(tail_, kNeedleAlignment);
  plan.end = needle_end(plan.begin, payload_bytes);
  CIAOS_ASSERT(plan.end <= log_.device->size());
  // Where data has moved on to there is room: no needle is appended that leaves none.
  if (plan.moved || align_up(plan.end, kBlockBytes) + txn_room_bytes_ <= log_.device->size()) return plan;
  plan.fresh = TRY(take_volume(false));
  return plan;
}

TxnRef LogWriter::append_txn(const TxnPlan& plan, TxnHeader txn, ByteSpan records) {
  if (plan.moved) {
    chunks_.flush();
    tail_ = align_up(tail_, kBlockBytes);
  } else {
    tail_ = align_up(plan.end, kBlockBytes);
  }
  txn.resume = plan.fresh.has_value() ? VolumePosition{plan.fresh->volume, plan.fresh->generation, 0}
                                      : VolumePosition{current_.volume, current_.generation, tail_};
  const ByteVector txn_header = encode_txn_header(txn, records.size());
  NeedleHeader header;
  header.kind = NeedleKind::txn;
  header.payload_bytes = static_cast<std::uint32_t>(txn_header.size() + records.size());
  header.epoch = epoch_;
  header.sequence = next(last_.sequence);
  header.at = {log_.volume, log_.generation, plan.begin};
  CIAOS_ASSERT(header.end() == plan.end);
  const ChunkQueue::Slot slot = chunks_.reserve(log_, plan.begin, plan.end);
  batch_bytes_ += plan.end - plan.begin;
  ++stats_.needles;
  stats_.bytes_appended += plan.end - plan.begin;

  // Readers of unwritten needles need not wait for up to 18 MiB of checksums.
  mutex_.unlock();
  const ByteSpan parts[] = {txn_header, records};
  const MutableByteSpan out = slot.chunk->buffer.span().subspan(slot.at, plan.end - plan.begin);
  encode_needle(store_, header, parts, out);
  const Digest digest =
      needle_digest(out.first(needle_header_bytes(header.payload_bytes)), out.last(header.payload_bytes));
  mutex_.lock();
  chunks_.complete(*slot.chunk);
  return {header.sequence, epoch_, digest, header.at, txn.resume};
}

void LogWriter::throttle() {
  MutexLock lock(mutex_);
  while (failure_.ok() && chunks_.waiting_bytes() >= limits_.unwritten_bytes_max) written_.wait(mutex_);
}

bool LogWriter::is_behind() const {
  MutexLock lock(mutex_);
  return chunks_.waiting_bytes() >= limits_.unwritten_bytes_max / 4 * 3;
}

bool LogWriter::read_unwritten(const VolumePosition& at, MutableByteSpan into) {
  std::shared_ptr<Chunk> chunk;
  {
    MutexLock lock(mutex_);
    chunk = chunks_.find(at, at.offset + into.size());
  }
  if (chunk == nullptr) return false;
  std::memcpy(into.data(), chunk->buffer.data() + (at.offset - chunk->begin), into.size());
  return true;
}

bool LogWriter::is_written(const NeedlePlace& needle) const {
  MutexLock lock(mutex_);
  return chunks_.find(needle.at, needle_end(needle.at.offset, needle.payload_bytes)) == nullptr;
}

std::vector<VolumeStart> LogWriter::take_started() {
  MutexLock lock(mutex_);
  return std::exchange(started_, {});
}

VolumePosition LogWriter::tail() const {
  MutexLock lock(mutex_);
  return {current_.volume, current_.generation, tail_};
}

std::uint64_t LogWriter::open_batch_bytes() const {
  MutexLock lock(mutex_);
  return batch_data_bytes_;
}

Sequence LogWriter::open_sequence() const {
  MutexLock lock(mutex_);
  return next(last_.sequence);
}

Status LogWriter::failure() const {
  MutexLock lock(mutex_);
  return failure_;
}

WriterStats LogWriter::stats() const {
  MutexLock lock(mutex_);
  return stats_;
}

}  // namespace ciaos::store
