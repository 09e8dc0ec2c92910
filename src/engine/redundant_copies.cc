// What a store has twice, looked at and repaired: superblocks from each other, snapshot and log from the index.
#include <algorithm>
#include <set>

#include "base/log.h"
#include "engine/maintenance.h"
#include "meta/snapshot.h"
#include "store/log_reader.h"
#include "store/needle_scanner.h"

namespace ciaos::engine {
namespace {

// A copy that is unreadable, or older than its sibling. One of a later version is nobody's to write over.
bool wants_repair(const std::vector<Result<store::Superblock>>& copies) {
  std::uint64_t newest = 0;
  for (const auto& copy : copies) {
    if (copy.code() == ENOTSUP) return false;
    if (copy.ok()) newest = std::max(newest, copy->counter);
  }
  return newest > 0 &&
         std::ranges::any_of(copies, [&](const auto& copy) { return !copy.ok() || copy->counter != newest; });
}

Status check_snapshot(Core& core, const NeedlePlace& place) {
  const store::WholeNeedle last = TRY(store::read_needle(*core.volumes, core.uuid, place));
  const meta::SnapshotDirectory directory = TRY(meta::decode_snapshot_directory(last.payload));
  DigestStream digest;
  for (const NeedlePlace& piece : directory.pieces)
    digest.update(TRY(store::read_needle(*core.volumes, core.uuid, piece)).payload);
  if (digest.value() != directory.digest) return fail(EUCLEAN, "its pieces are not its own");
  return {};
}

// Adds the txn needles of a volume that verify.
Status add_whole_txns(Core& core, const meta::VolumeUsage& usage, std::set<Sequence>& whole) {
  const std::shared_ptr<store::Device> device = TRY(core.volumes->volume(usage.volume));
  const VolumePosition tail = core.writer->tail();
  const std::uint64_t end = tail.volume == usage.volume ? tail.offset : device->size();
  store::NeedleScanner scanner(device, core.uuid, {usage.volume, usage.row.generation, 0}, end);
  while (const store::NeedleHeader* header = TRY(scanner.next())) {
    if (header->kind != store::NeedleKind::txn) continue;
    if (store::check_payload(*device, core.uuid, *header).ok()) whole.insert(header->sequence);
  }
  return {};
}

}  // namespace

Result<std::uint64_t> Maintenance::repair_superblocks() {
  turn_.wait();  // a snapshot names itself in them
  bool wanted = false;
  for (std::uint32_t device = 0; device < core_.volumes->device_count(); ++device) {
    store::StoreDevice& there = core_.volumes->device(device);
    if (!wants_repair(there.read_superblock_copies())) continue;
    log(LogLevel::error, "{}: a copy of the superblock is damaged, the others repair it", there.name());
    wanted = true;
  }
  Status repaired;
  if (wanted) repaired = core_.volumes->update_superblocks(std::nullopt, std::nullopt);
  turn_.end();
  TRY_VOID(std::move(repaired));
  return wanted ? 1 : 0;
}

Result<std::uint64_t> Maintenance::repair_log() {
  turn_.wait();
  const SnapshotState before = core_.snapshot;
  const auto place = core_.volumes->superblock().snapshot;
  // The turn keeps its volumes where they are.
  const Status snapshot = place ? check_snapshot(core_, *place) : Status{};
  turn_.end();
  const Status log_state = check_log(before.sequence);
  if (snapshot.ok() && log_state.ok()) return 0;
  turn_.wait();
  const bool is_same = core_.snapshot.sequence == before.sequence;
  Status repaired;
  if (is_same) {
    log(LogLevel::error, "{} is damaged, a new snapshot of the index replaces it: {}",
        snapshot.ok() ? "the log" : "the snapshot",
        to_string(snapshot.ok() ? log_state.error() : snapshot.error()));
    repaired = write_snapshot();
    if (repaired.ok()) repaired = checkpoint();
  }
  turn_.end();
  TRY_VOID(std::move(repaired));
  return is_same ? 1 : 0;
}

// What a rebuilt index would need: the txn needle that the snapshot stands on, and those behind it, as far as they lie in sealed
// volumes. Somebody may write a snapshot meanwhile, after which they may go.
Status Maintenance::check_log(Sequence snapshot) {
  std::set<Sequence> whole;
  Sequence last;
  for (const meta::VolumeUsage& usage : TRY(core_.rows->applied_volumes())) {
    const bool is_open = usage.row.state == meta::VolumeState::open;
    const bool is_sealed = usage.row.state == meta::VolumeState::sealed;
    // A sealed volume may say more than lies in it: then that lies in an open one.
    if (is_sealed && usage.row.last_txn >= snapshot) last = std::max(last, usage.row.last_txn);
    if (is_open || (is_sealed && usage.row.last_txn >= snapshot))
      TRY_VOID(add_whole_txns(core_, usage, whole));
  }
  for (Sequence wanted = std::max(snapshot, Sequence(1)); wanted <= last; wanted = next(wanted)) {
    if (!whole.contains(wanted)) return fail(EUCLEAN, fmt::format("txn needle {}", wanted.value()));
  }
  return {};
}

}  // namespace ciaos::engine
