#include "engine/recovery.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <set>
#include <system_error>

#include "base/log.h"
#include "meta/snapshot.h"

namespace ciaos::engine {
namespace {

namespace fs = std::filesystem;

// Records held in memory before they are applied.
constexpr std::size_t kReplayBytesMax = 64u << 20;

Error failed(const std::error_code& error, const std::string& context) {
  return fail(error.value() == 0 ? EIO : error.value(), context);
}

}  // namespace

Recovery::Recovery(std::unique_ptr<store::VolumeSet> volumes, const Options& options, Clock& clock)
    : options_(options),
      recovered_{std::make_unique<Core>(options, clock), {}, {}, {}},
      core_(*recovered_.core),
      index_directory_(options.index_directory),
      superblock_(volumes->superblock()) {
  core_.volumes = std::move(volumes);
  core_.uuid = superblock_.uuid;
  core_.log_limits = store::limits_for_volume(superblock_.volume_bytes);
}

Result<Recovered> Recovery::run() {
  if (!options_.read_only)
    core_.index_reserve = std::make_unique<IndexReserve>(index_directory_, options_.index_reserve_bytes);
  TRY_VOID(open_index());
  Result<TxnRef> position = index_position();
  if (!position.ok()) return position.error();
  TRY_VOID(learn_snapshot());
  Status replayed = replay_to_the_end(*position);
  // Of the log before the newest snapshot anything may be gone by right: an index from then (put back from a copy, say)
  // does not lead on, and the snapshot does.
  const bool log_left_it_behind = position->sequence < recovered_.snapshot.sequence;
  if (replayed.code() == EUCLEAN && !core_.index_rebuilt && (!core_.log_was_damaged || log_left_it_behind)) {
    log(LogLevel::warning, "the index is of no use and is rebuilt: {}", to_string(replayed.error()));
    core_.log_was_damaged = false;
    TRY_VOID(rebuild_index());
    replayed = replay_to_the_end(TRY(index_position()));
  }
  TRY_VOID(std::move(replayed));
  Status learned = learn_rows();
  if (learned.code() == EUCLEAN && !core_.index_rebuilt) {
    log(LogLevel::warning, "the index is damaged and is rebuilt: {}", to_string(learned.error()));
    TRY_VOID(rebuild_index());
    TRY_VOID(replay_to_the_end(TRY(index_position())));
    learned = learn_rows();
  }
  TRY_VOID(std::move(learned));
  TRY_VOID(check_volumes_exist());
  core_.index_directory = index_directory_;
  if (!options_.read_only) TRY_VOID(start_writer());
  core_.reader = std::make_unique<store::NeedleReader>(*core_.volumes, core_.uuid, core_.writer.get(),
                                                       options_.header_cache_bytes);
  const Sequence first_open = core_.writer ? core_.writer->open_sequence() : next(recovered_.last.sequence);
  core_.rows = std::make_unique<Rows>(*core_.index, first_open);
  core_.quotas = std::make_unique<Quotas>(*core_.rows);
  core_.inodes = std::make_unique<InodeTable>(*core_.rows, *core_.quotas, options_.inode_cache_bytes / 3 * 2);
  if (core_.index_reserve) {
    const Status kept = core_.index_reserve->hold();
    if (!kept.ok())
      log(LogLevel::warning, "no room for the index, only deletions are taken: {}", to_string(kept.error()));
  }
  return std::move(recovered_);
}

Status Recovery::open_index() {
  std::error_code error;
  if (options_.read_only) {
    TRY_VOID(copy_index());
  } else {
    fs::create_directories(index_directory_, error);
    if (error) return failed(error, "cannot make the index directory " + index_directory_);
  }
  auto index = meta::Index::open(index_directory_, core_.uuid, meta::Index::Mode::existing);
  if (index.ok()) {
    core_.index = *std::move(index);
    return {};
  }
  const int code = index.code();
  if (code != ENOENT && code != EUCLEAN && code != ESTALE && code != ENOTSUP) return index.error();
  log(LogLevel::info, "the index is rebuilt from the volumes: {}", to_string(index.error()));
  return rebuild_index();
}

// A read-only mount writes nothing to the store and needs nothing from it that a writer may change.
Status Recovery::copy_index() {
  std::string scratch = options_.scratch_directory + "/ciaosfs-XXXXXX";
  if (mkdtemp(scratch.data()) == nullptr)
    return fail(errno, "cannot make a scratch folder in " + options_.scratch_directory);
  core_.scratch_index = scratch;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(index_directory_, error)) {
    if (entry.path().extension() == ".sqlite-shm" || entry.path().filename() == kIndexReserveName) continue;
    std::error_code copy_error;
    fs::copy_file(entry.path(), fs::path(scratch) / entry.path().filename(), copy_error);
    if (copy_error) return failed(copy_error, "cannot copy the index to " + scratch);
  }
  index_directory_ = scratch;
  return {};
}

// The batch up to which the index holds everything, if that batch is in this log; else after a rebuild.
Result<TxnRef> Recovery::index_position() {
  auto reader = core_.index->reader();
  auto position = reader.ok() ? reader->applied() : Result<std::optional<TxnRef>>(reader.error());
  if (position.ok() && position->has_value()) {
    Status known = store::check_txn(*core_.volumes, core_.uuid, **position);
    if (known.ok()) return **position;
    if (known.code() != ESTALE) return known.error();
    log(LogLevel::warning, "the index belongs to another log and is rebuilt: {}", to_string(known.error()));
  } else if (core_.index_rebuilt) {
    if (!position.ok()) return position.error();
    TxnRef start;  // nothing is applied: the log from its first batch
    start.resume = superblock_.log_start;
    return start;
  }
  if (core_.index_rebuilt) return fail(EUCLEAN, "a rebuilt index does not fit its log");
  reader = fail(EIO);  // the connection ends before its database does
  TRY_VOID(rebuild_index());
  return index_position();
}

Status Recovery::rebuild_index() {
  core_.index.reset();
  core_.index_rebuilt = true;
  // A whole index needs what is kept for one that grows a little.
  if (core_.index_reserve) (void)core_.index_reserve->give();
  TRY_VOID(meta::Index::remove(index_directory_));
  core_.index = TRY(meta::Index::open(index_directory_, core_.uuid, meta::Index::Mode::open_or_create));
  if (!superblock_.snapshot) return {};
  const Result<TxnRef> state = load_snapshot(*superblock_.snapshot);
  if (state.ok()) return core_.index->finish_load(*state);
  if (state.code() == EIO) return state.error();
  // The log may still be whole from its first batch on; replay_to_the_end() finds out.
  log(LogLevel::error, "the snapshot cannot be used, the whole log is replayed: {}",
      to_string(state.error()));
  core_.index.reset();
  TRY_VOID(meta::Index::remove(index_directory_));
  core_.index = TRY(meta::Index::open(index_directory_, core_.uuid, meta::Index::Mode::open_or_create));
  return {};
}

Result<TxnRef> Recovery::load_snapshot(const NeedlePlace& place) {
  const store::WholeNeedle last = TRY(store::read_needle(*core_.volumes, core_.uuid, place));
  const meta::SnapshotDirectory directory = TRY(meta::decode_snapshot_directory(last.payload));
  TRY_VOID(store::check_txn(*core_.volumes, core_.uuid, directory.state));
  DigestStream digest;
  for (const NeedlePlace& piece : directory.pieces) {
    const store::WholeNeedle needle = TRY(store::read_needle(*core_.volumes, core_.uuid, piece));
    digest.update(needle.payload);
    TRY_VOID(core_.index->load(TRY(meta::decode_snapshot_piece(needle.payload))));
  }
  if (digest.value() != directory.digest) return fail(EUCLEAN, "the pieces of the snapshot are not its own");
  return directory.state;
}

Status Recovery::replay(const TxnRef& from) {
  // What a killed writer left in caches is readable and not yet durable. What is read here was synced before it is
  // applied: once before the reading, for an honest tail, and once before each apply.
  TRY_VOID(core_.volumes->sync_all());
  store::LogReader reader(*core_.volumes, core_.uuid, from);
  std::vector<store::LogBatch> batches;
  std::size_t bytes = 0;
  while (true) {
    auto batch = reader.next();
    if (!batch.ok()) {
      core_.log_was_damaged = true;
      return with_context(std::move(batch).error(), "the log is damaged");
    }
    if (!batch->has_value()) break;
    bytes += (*batch)->records.size();
    batches.push_back(**std::move(batch));
    if (bytes < kReplayBytesMax) continue;
    TRY_VOID(apply(batches));
    bytes = 0;
  }
  TRY_VOID(apply(batches));
  if (reader.last().sequence == Sequence{}) {
    core_.log_was_damaged = true;
    return fail(EUCLEAN, "the log's first batch is gone");
  }
  if (reader.torn_tail()) log(LogLevel::info, "a batch that was never acknowledged is forgotten");
  recovered_.last = reader.last();
  return {};
}

// Where the volume that came next is missing, or was given back and is used again, the log looks as if it ended there. The
// superblocks know better how far it had come, and so does the snapshot.
Status Recovery::replay_to_the_end(const TxnRef& from) {
  TRY_VOID(replay(from));
  const Sequence reached = std::max(recovered_.snapshot.sequence, superblock_.log_reached);
  const bool silent =
      reached == Sequence{} && superblock_.snapshot && core_.index_rebuilt;  // and only the snapshot knew
  if (recovered_.last.sequence >= reached && !silent) return {};
  core_.log_was_damaged = true;
  return fail(EUCLEAN, "the log is damaged: it ends with batch " +
                           std::to_string(recovered_.last.sequence.value()) + ", and had come " +
                           (silent ? "to a snapshot" : "to batch " + std::to_string(reached.value())));
}

Status Recovery::apply(std::vector<store::LogBatch>& batches) {
  if (batches.empty()) return {};
  TRY_VOID(core_.volumes->sync_all());
  std::vector<meta::Changes> changes;
  std::vector<const meta::Changes*> pointers;
  changes.reserve(batches.size());
  for (const store::LogBatch& batch : batches) {
    changes.push_back(TRY(meta::decode_changes(batch.records)));
    pointers.push_back(&changes.back());
  }
  const store::DurableBatch last = store::LogReader::durable_after_sync(batches.back());
  Status applied = core_.index->apply(pointers, last.ref());
  if (applied.code() == ENOSPC && core_.index_reserve && core_.index_reserve->give())
    applied = core_.index->apply(pointers, last.ref());
  TRY_VOID(std::move(applied));
  core_.batches_replayed += batches.size();
  batches.clear();
  return {};
}

Status Recovery::learn_snapshot() {
  recovered_.snapshot.checkpoint = Sequence{};
  if (!superblock_.snapshot) return {};
  const auto last = store::read_needle(*core_.volumes, core_.uuid, *superblock_.snapshot);
  auto directory = last.ok() ? meta::decode_snapshot_directory(last->payload)
                             : Result<meta::SnapshotDirectory>(last.error());
  if (!directory.ok()) {
    // Without it no volume may be freed for what it might hold: sequence 0 keeps all txn needles.
    log(LogLevel::error, "the snapshot's last needle is damaged: {}", to_string(directory.error()));
    core_.log_was_damaged = true;
    return {};
  }
  recovered_.snapshot.sequence = directory->state.sequence;
  recovered_.snapshot.bytes = directory->bytes + last->payload.size();
  recovered_.snapshot.volumes.insert(superblock_.snapshot->at.volume);
  for (const NeedlePlace& piece : directory->pieces) recovered_.snapshot.volumes.insert(piece.at.volume);
  return {};
}

Status Recovery::learn_rows() {
  meta::IndexReader reader = TRY(core_.index->reader());
  const auto counter = [&](meta::Counter name, std::uint32_t offset,
                           std::uint64_t fallback) -> Result<std::uint64_t> {
    return TRY(reader.counter(static_cast<std::uint32_t>(name) + offset)).value_or(fallback);
  };
  core_.next_inode = TRY(counter(meta::Counter::next_inode, 0, kRootInode.value() + 1));
  // Counted up from 1, it has come nowhere near; new inodes need numbers that the format can hold.
  if (core_.next_inode > std::uint64_t{1} << 62) return fail(EUCLEAN, "the next inode number cannot be");
  core_.inode_count = TRY(counter(meta::Counter::inodes, 0, 1));
  core_.stored_bytes = TRY(counter(meta::Counter::stored_bytes, 0, 0));
  reserved_bytes_ = TRY(reader.reserved_bytes());
  core_.logged_before = TRY(counter(meta::Counter::logged_bytes, 0, 0));
  core_.snapshot_logged_at = TRY(counter(meta::Counter::logged_at_snapshot, 0, 0));
  const std::uint64_t scrubbed = TRY(counter(meta::Counter::scrub_volume, 0, 0));
  core_.scrubbed.at = {VolumeId(static_cast<std::uint32_t>(scrubbed)),
                       Generation(static_cast<std::uint32_t>(scrubbed >> 32)),
                       TRY(counter(meta::Counter::scrub_offset, 0, 0))};
  core_.scrubbed.round_began_seconds =
      static_cast<std::int64_t>(TRY(counter(meta::Counter::scrub_round_began, 0, 0)));

  const VolumePosition& resume = recovered_.last.resume;
  // All that opening asks of the index, so that one which answers nonsense is found out while it can be rebuilt.
  (void)TRY(reader.orphans(InodeId{}, 1));
  known_.assign(1, {resume.volume, resume.generation, false});
  next_slots_.clear();
  recovered_.open_volumes.clear();
  for (const meta::VolumeUsage& usage : TRY(reader.volumes())) {
    // No engine writes such a row; what follows takes for granted that it is none.
    if (device_of(usage.volume) >= core_.volumes->device_count())
      return fail(EUCLEAN, "rows name a device that the store does not have");
    const bool free = usage.row.state == meta::VolumeState::free;
    if (usage.row.state == meta::VolumeState::open)
      recovered_.open_volumes[usage.volume] = usage.row.generation;
    // The log may go on in a slot whose new life has no row yet.
    if (usage.volume != resume.volume) known_.push_back({usage.volume, usage.row.generation, free});
  }
  for (std::uint32_t device = 0; device < core_.volumes->device_count(); ++device) {
    std::uint64_t slot = TRY(counter(meta::Counter::next_slot, device, 0));
    for (const store::KnownVolume& volume : known_) {
      if (device_of(volume.volume) == device)
        slot = std::max<std::uint64_t>(slot, slot_of(volume.volume) + 1);
    }
    next_slots_.push_back(static_cast<std::uint32_t>(slot));
  }
  return {};
}

// A volume's row goes before its file: whatever has a row must be there.
Status Recovery::check_volumes_exist() {
  meta::IndexReader reader = TRY(core_.index->reader());
  const std::vector<VolumeId> existing = TRY(core_.volumes->existing_volumes());
  const std::set<VolumeId> there(existing.begin(), existing.end());
  for (const meta::VolumeUsage& usage : TRY(reader.volumes())) {
    if (usage.row.state == meta::VolumeState::free || there.contains(usage.volume)) continue;
    const std::string what = core_.volumes->device(device_of(usage.volume)).name() + ": volume " +
                             std::to_string(slot_of(usage.volume)) + " is missing";
    if (!core_.read_only()) {
      return fail(EUCLEAN, what + ", and with it what " + std::to_string(usage.extents) + " extents name");
    }
    log(LogLevel::error, "{}; reading what lies in it fails", what);
  }
  return {};
}

Status Recovery::start_writer() {
  TRY_VOID(give_back_unnamed(known_));
  const Epoch epoch(superblock_.epoch.value() + 1);
  TRY_VOID(core_.volumes->update_superblocks(epoch, std::nullopt, recovered_.last.sequence));
  core_.pool = std::make_unique<store::VolumePool>(
      *core_.volumes, known_, next_slots_, usable_volume_bytes(superblock_.volume_bytes, core_.log_limits));
  core_.pool->hold_again(reserved_bytes_);
  core_.writer = std::make_unique<store::LogWriter>(*core_.volumes, *core_.pool, core_.uuid, epoch,
                                                    recovered_.last, core_.log_limits);
  return write_opening();
}

// Volume files that a crash left behind before any durable batch named them.
Status Recovery::give_back_unnamed(const std::vector<store::KnownVolume>& known) {
  std::set<VolumeId> named = recovered_.snapshot.volumes;
  for (const store::KnownVolume& volume : known) named.insert(volume.volume);
  for (const VolumeId volume : TRY(core_.volumes->existing_volumes())) {
    const std::uint32_t device = device_of(volume);
    if (named.contains(volume) || core_.volumes->device(device).kind() == store::StoreKind::raw) continue;
    if (core_.log_was_damaged) {  // it may hold what fsck wants to see
      next_slots_[device] = std::max(next_slots_[device], slot_of(volume) + 1);
      continue;
    }
    TRY_VOID(core_.volumes->free_volume(volume));
  }
  return {};
}

// From here on needles of a lower epoch behind its predecessor are garbage, however valid they look.
Status Recovery::write_opening() {
  meta::Changes changes;
  const VolumePosition& resume = recovered_.last.resume;
  changes.volumes[resume.volume] = meta::VolumeRow{resume.generation, meta::VolumeState::open, Sequence{}};
  const ByteVector records = meta::encode_changes(changes);
  const store::DurableBatch opening =
      TRY(core_.writer->commit(TRY(core_.writer->cut(records, /*opening=*/true))));
  const meta::Changes* pointer = &changes;
  Status applied = core_.index->apply({&pointer, 1}, opening.ref());
  if (applied.code() == ENOSPC && core_.index_reserve->give())
    applied = core_.index->apply({&pointer, 1}, opening.ref());
  TRY_VOID(std::move(applied));
  recovered_.open_volumes.insert_or_assign(resume.volume, resume.generation);
  recovered_.last = opening.ref();
  return {};
}

}  // namespace ciaos::engine
