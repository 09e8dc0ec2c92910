#include "engine/maintenance.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "engine/names.h"

namespace ciaos::engine {
namespace {

using meta::Counter;
using meta::VolumeRow;
using meta::VolumeState;
using meta::VolumeUsage;

constexpr std::uint64_t kWalBytesMax = 64u << 20;
// Below this a snapshot is not worth its sync: small stores would write one every few commits.
constexpr std::uint64_t kLoggedBytesMin = 4u << 20;
constexpr std::uint64_t kOwnerCheckMs = 1000;

}  // namespace

void Maintenance::start_at(const TxnRef& last, const std::map<VolumeId, Generation>& open_volumes) {
  open_volumes_ = open_volumes;
  open_volumes_.insert_or_assign(last.resume.volume, last.resume.generation);
  log_volume_ = last.resume.volume;
  // A txn needle may lie in any volume that was open until now, and none is newer than the last.
  for (const auto& [volume, generation] : open_volumes_) txn_in_[volume] = last.sequence;
}

Status Maintenance::close_batch() {
  TRY_VOID(files_.flush_all(/*inside_gate=*/true));
  core_.quotas->note_changes();
  note_counters();
  note_volumes();
  return {};
}

void Maintenance::note_counters() {
  const auto note = [this](Counter counter, std::uint32_t offset, std::uint64_t value) {
    const auto [at, fresh] = counters_noted_.try_emplace(static_cast<std::uint32_t>(counter) + offset, value);
    if (!fresh && at->second == value) return;
    at->second = value;
    core_.rows->put(counter, offset, value);
  };
  note(Counter::next_inode, 0, core_.next_inode);
  note(Counter::inodes, 0, core_.inode_count);
  note(Counter::stored_bytes, 0, core_.stored_bytes);
  note(Counter::logged_bytes, 0, core_.logged_total());
  note(Counter::logged_at_snapshot, 0, core_.snapshot_logged_at);
  const std::vector<std::uint32_t> slots = core_.pool->next_slots();
  for (std::uint32_t device = 0; device < slots.size(); ++device)
    note(Counter::next_slot, device, slots[device]);
}

void Maintenance::note_volumes() {
  for (const store::VolumeStart& start : core_.writer->take_started()) {
    open_volumes_.insert_or_assign(start.volume, start.generation);
    core_.rows->put(start.volume, VolumeRow{start.generation, VolumeState::open, Sequence{}});
  }
  const VolumeId tail = core_.writer->tail().volume;
  std::erase_if(open_volumes_, [&](const auto& open) {
    const auto& [volume, generation] = open;
    if (volume == tail) return false;
    // Nothing but this batch's own txn needle can still go there.
    Sequence last_txn = txn_in_[volume];
    if (volume == log_volume_) last_txn = core_.writer->open_sequence();
    core_.rows->put(volume, VolumeRow{generation, VolumeState::sealed, last_txn});
    txn_in_.erase(volume);
    return true;
  });
}

void Maintenance::after_cut(const TxnRef& ref) {
  if (open_volumes_.contains(ref.at.volume)) txn_in_[ref.at.volume] = ref.sequence;
  log_volume_ = ref.resume.volume;
}

Status Maintenance::still_owner() {
  const std::uint64_t now = core_.clock.monotonic_ms();
  if (owner_checked_ms_ != 0 && now - owner_checked_ms_ < kOwnerCheckMs) return {};
  owner_checked_ms_ = now;
  const Epoch own = core_.volumes->superblock().epoch;
  for (std::uint32_t device = 0; device < core_.volumes->device_count(); ++device) {
    const store::Superblock found = TRY(core_.volumes->device(device).read_superblock());
    if (found.epoch > own)
      return fail(ESTALE, "another writer has taken over " + core_.volumes->device(device).name());
  }
  return {};
}

void Maintenance::after_apply() {
  if (!turn_.try_take()) return;
  const auto report = [](const char* what, const Status& status) {
    if (!status.ok()) log(LogLevel::warning, "{}: {}", what, to_string(status.error()));
  };
  for (const InodeId inode : files_.take_fragmented()) {
    const Status status = files_.join_small_extents(inode);
    if (status.code() != ENOSPC && status.code() != ENOENT) report("joining small extents", status);
  }
  if (core_.index->wal_bytes() > kWalBytesMax) report("index checkpoint", checkpoint());
  keep_room_for_snapshot();
  if (snapshot_due(1)) report("snapshot", write_snapshot());
  if (const auto reclaimed = reclaim(/*pressed=*/false); !reclaimed.ok())
    report("giving back volumes", reclaimed.error());
  turn_.end();
}

Status Maintenance::checkpoint() {
  const Sequence applied = core_.committer->applied_ref().sequence;
  TRY_VOID(core_.index->checkpoint());
  core_.snapshot.checkpoint = std::max(core_.snapshot.checkpoint, applied);
  return {};
}

bool Maintenance::snapshot_due(std::uint64_t divisor) const {
  const std::uint64_t since = core_.logged_total() - core_.snapshot_logged_at;
  if (since <= std::max(core_.snapshot.bytes / divisor, kLoggedBytesMin)) return false;
  // One for which there was no room is not tried again before there may be some.
  return !no_room_ || no_room_->volumes_freed != core_.volumes_freed ||
         core_.logged_total() > no_room_->logged + kLoggedBytesMin;
}

void Maintenance::keep_room_for_snapshot() {
  core_.pool->set_snapshot_bytes(core_.snapshot.bytes + core_.logged_total() - core_.snapshot_logged_at);
}

Status Maintenance::write_snapshot() {
  const NoRoom now{core_.volumes_freed, core_.logged_total()};
  Status status = write_pieces();
  no_room_ = status.code() == ENOSPC ? std::optional(now) : std::nullopt;
  return status;
}

Status Maintenance::snapshot() {
  TRY_VOID(core_.committer->commit());
  TRY_VOID(core_.committer->settle());
  turn_.wait();
  Status status = write_snapshot();
  turn_.end();
  return status;
}

// A batch for the counter alone, unless it is known: the next open would else find a snapshot due that is there.
Status Maintenance::remember_snapshot() {
  const auto noted = counters_noted_.find(static_cast<std::uint32_t>(Counter::logged_at_snapshot));
  if (noted != counters_noted_.end() && noted->second == core_.snapshot_logged_at) return {};
  if (core_.snapshots_written == 0) return {};
  {
    const Gate::Pass pass = TRY(core_.committer->enter(kRecordsPerName));
    core_.rows->put(Counter::logged_at_snapshot, 0, core_.snapshot_logged_at);
  }
  return core_.committer->commit();
}

Status Maintenance::finish() {
  turn_.wait();
  Status status = snapshot_due(4) ? write_snapshot() : Status{};
  if (status.ok()) status = remember_snapshot();
  if (status.ok()) status = core_.committer->settle();
  if (status.ok()) status = checkpoint();
  // The next mount then notices when as much as the last batch is gone.
  if (status.ok())
    status =
        core_.volumes->update_superblocks(std::nullopt, std::nullopt, core_.committer->durable_sequence());
  turn_.end();
  return status;
}

Result<Maintenance::Candidates> Maintenance::find_candidates() {
  Candidates candidates;
  const Sequence replayed = std::min(core_.snapshot.sequence, core_.snapshot.checkpoint);
  const std::vector<VolumeUsage> volumes = TRY(core_.rows->applied_volumes());
  const auto not_applied_yet = std::exchange(given_back_, {});
  for (const VolumeUsage& usage : volumes) {
    if (usage.row.state != VolumeState::sealed || usage.extents > 0) continue;
    const std::pair life(usage.volume, usage.row.generation);
    if (not_applied_yet.contains(life)) {
      given_back_.insert(life);
      continue;
    }
    // The txn needle that an index or a snapshot stands on stays too: it is how they are recognised.
    if (core_.snapshot.volumes.contains(usage.volume) ||
        (usage.row.last_txn != Sequence{} && usage.row.last_txn >= replayed)) {
      ++candidates.kept_by_log;
      continue;
    }
    candidates.free.push_back(usage);
  }
  return candidates;
}

Result<bool> Maintenance::reclaim_now(bool pressed) {
  turn_.wait();
  auto reclaimed = reclaim(pressed);
  turn_.end();
  return reclaimed;
}

Result<bool> Maintenance::reclaim(bool pressed) {
  Candidates candidates = TRY(find_candidates());
  // Volumes that only old txn needles or an old snapshot keep: a checkpoint and a snapshot set them free, which is worth
  // it when it gives back more than it writes.
  const std::uint64_t volume_bytes = core_.volumes->superblock().volume_bytes;
  const bool worth =
      candidates.kept_by_log > 1 && candidates.kept_by_log * volume_bytes > 2 * core_.snapshot.bytes;
  if (worth || (pressed && candidates.kept_by_log > 0 && candidates.free.empty())) {
    TRY_VOID(write_snapshot());
    TRY_VOID(checkpoint());
    candidates = TRY(find_candidates());
  }
  const std::vector<VolumeUsage> ready = unleased(candidates.free, pressed);
  if (ready.empty()) return false;
  TRY_VOID(give_back(ready));
  return true;
}

std::vector<VolumeUsage> Maintenance::unleased(const std::vector<VolumeUsage>& free, bool pressed) {
  if (free.empty()) return {};
  // Leases that are about to be taken for what a reader saw earlier are taken when this returns.
  core_.read_epochs.wait_for_earlier();
  if (pressed) {
    std::vector<VolumeId> ids;
    for (const VolumeUsage& usage : free) ids.push_back(usage.volume);
    core_.leases.wait_for_earlier(ids);
  }
  const auto found_before = std::exchange(found_free_ms_, {});
  std::vector<VolumeUsage> ready;
  for (const VolumeUsage& usage : free) {
    const std::pair life(usage.volume, usage.row.generation);
    const auto found = found_before.find(life);
    const std::uint64_t found_ms = found == found_before.end() ? core_.leases.now_ms() : found->second;
    if (pressed || core_.leases.may_free(usage.volume, found_ms)) {
      ready.push_back(usage);
    } else {
      found_free_ms_.emplace(life, found_ms);
    }
  }
  return ready;
}

Status Maintenance::give_back(const std::vector<VolumeUsage>& volumes) {
  // Durable and applied without a row that names them; now the volumes' own rows, and then the reads that began earlier.
  {
    Gate::Pass pass(core_.gate);
    for (const VolumeUsage& usage : volumes) {
      given_back_.emplace(usage.volume, usage.row.generation);
      const bool slot = core_.volumes->device(device_of(usage.volume)).kind() == store::StoreKind::raw;
      if (slot) {
        core_.rows->put(usage.volume, VolumeRow{usage.row.generation, VolumeState::free, Sequence{}});
      } else {
        core_.rows->erase(usage.volume);
      }
    }
  }
  TRY_VOID(core_.committer->commit());
  core_.read_epochs.wait_for_earlier();
  for (const VolumeUsage& usage : volumes) {
    core_.reader->forget_volume(usage.volume);
    TRY_VOID(core_.pool->give_back(usage.volume, usage.row.generation));
    ++core_.volumes_freed;
  }
  return {};
}

}  // namespace ciaos::engine
