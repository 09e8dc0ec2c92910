#include "tools/fsck/log_append.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "meta/snapshot.h"
#include "store/log_reader.h"
#include "tools/fsck/row_edits.h"

namespace ciaos::fsck {
namespace {

constexpr std::size_t kPieceBytes = 1u << 20;  // of records of a snapshot, before compression

}  // namespace

LogAppend::LogAppend(Check& check, std::shared_ptr<meta::Index> follower)
    : check_(check),
      volumes_(check.volumes),
      uuid_(check.superblock.uuid),
      limits_(store::limits_for_volume(check.superblock.volume_bytes)),
      follower_(std::move(follower)),
      last_(check.log_end) {}

Result<std::unique_ptr<LogAppend>> LogAppend::open(Check& check, std::shared_ptr<meta::Index> follower) {
  std::unique_ptr<LogAppend> log(new LogAppend(check, std::move(follower)));
  TRY_VOID(log->start());
  return log;
}

Status LogAppend::start() {
  const std::vector<store::KnownVolume> known = TRY(known_volumes());
  std::vector<std::uint32_t> slots = TRY(next_slots(known));
  // What a killed writer left is readable and need not be durable; the log is to go on behind it.
  TRY_VOID(volumes_->sync_all());
  const Epoch epoch(std::max(volumes_->superblock().epoch, check_.highest_epoch).value() + 1);
  TRY_VOID(volumes_->update_superblocks(epoch, std::nullopt, last_.sequence));
  pool_ = std::make_unique<store::VolumePool>(
      *volumes_, known, std::move(slots),
      store::usable_volume_bytes(check_.superblock.volume_bytes, limits_));
  writer_ = std::make_unique<store::LogWriter>(*volumes_, *pool_, uuid_, epoch, last_, limits_);
  meta::Changes opening;
  opening.volumes[last_.resume.volume] =
      meta::VolumeRow{last_.resume.generation, meta::VolumeState::open, Sequence()};
  return commit(std::move(opening), true);
}

// A volume is free only if a row says so and nothing names it: here rows may be what is wrong.
Result<std::vector<store::KnownVolume>> LogAppend::known_volumes() {
  const VolumePosition& resume = last_.resume;
  std::vector<store::KnownVolume> known{{resume.volume, resume.generation, false}};
  const std::vector<VolumeId> existing = TRY(volumes_->existing_volumes());
  for (const meta::VolumeUsage& usage : TRY(check_.rows->volumes())) {
    const bool exists = std::binary_search(existing.begin(), existing.end(), usage.volume);
    if (usage.volume == resume.volume || !exists) continue;
    const bool free = usage.row.state == meta::VolumeState::free && usage.extents == 0;
    known.push_back({usage.volume, usage.row.generation, free});
  }
  if (const auto& snapshot = check_.superblock.snapshot; snapshot && snapshot->at.volume != resume.volume) {
    std::erase_if(known, [&](const auto& volume) { return volume.volume == snapshot->at.volume; });
    known.push_back({snapshot->at.volume, snapshot->at.generation, false});
  }
  return known;
}

Result<std::vector<std::uint32_t>> LogAppend::next_slots(const std::vector<store::KnownVolume>& known) {
  std::vector<std::uint32_t> slots(volumes_->device_count(), 0);
  const auto used = [&slots](VolumeId volume) {
    std::uint32_t& slot = slots[device_of(volume)];
    slot = std::max(slot, slot_of(volume) + 1);
  };
  for (std::uint32_t device = 0; device < slots.size(); ++device) {
    const std::uint32_t key = static_cast<std::uint32_t>(meta::Counter::next_slot) + device;
    const std::uint64_t counted = TRY(check_.rows->counter(key)).value_or(0);
    slots[device] = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(counted, std::numeric_limits<std::uint32_t>::max() >> 8));
  }
  for (const store::KnownVolume& volume : known) used(volume.volume);
  for (const VolumeId volume : TRY(volumes_->existing_volumes())) used(volume);
  return slots;
}

Status LogAppend::append(const meta::Changes& changes) {
  for (meta::Changes& piece : split_changes(changes, limits_.txn_payload_bytes_max / 2)) {
    TRY_VOID(commit(std::move(piece), false));
  }
  return {};
}

// The rows of volumes that the batch itself began go with it, so that nothing lies in a volume without one.
Status LogAppend::commit(meta::Changes changes, bool opening) {
  for (const store::VolumeStart& started : writer_->take_started()) {
    changes.volumes[started.volume] =
        meta::VolumeRow{started.generation, meta::VolumeState::open, Sequence()};
  }
  const store::DurableBatch durable =
      TRY(writer_->commit(TRY(writer_->cut(meta::encode_changes(changes), opening))));
  last_ = durable.ref();
  const meta::Changes* const batch = &changes;
  return follower_ != nullptr ? follower_->apply({&batch, 1}, durable.ref()) : Status();
}

Result<NeedlePlace> LogAppend::append_piece(std::uint64_t number, ByteSpan payload) {
  writer_->throttle();
  const std::uint64_t promised = store::needle_bytes_bound(payload.size());
  // A full store takes it from the room that is kept for it.
  const bool reserved = pool_->reserve(promised).ok();
  const std::array<ByteSpan, 1> parts{payload};
  auto place = writer_->append({store::NeedleKind::snapshot, InodeId(number), 0}, parts);
  if (reserved) pool_->release(promised);
  return place;
}

Status LogAppend::write_snapshot() {
  CIAOS_ASSERT(follower_ != nullptr);
  meta::SnapshotDirectory directory;
  directory.state = last_;
  DigestStream digest;
  {
    meta::IndexReader reader = TRY(follower_->reader());
    TRY_VOID(reader.begin());
    meta::IndexReader::Cursor cursor;
    for (bool more = true; more;) {
      meta::Changes rows;
      more =
          TRY(reader.scan(cursor, std::min<std::size_t>(kPieceBytes, limits_.data_payload_bytes_max), rows));
      if (rows.empty()) continue;
      const ByteVector payload = meta::encode_snapshot_piece(rows);
      digest.update(payload);
      directory.bytes += payload.size();
      directory.pieces.push_back(TRY(append_piece(directory.pieces.size(), payload)));
      TRY_VOID(check_.progress.step(0));
    }
    TRY_VOID(reader.end());
  }
  directory.digest = digest.value();
  const NeedlePlace last =
      TRY(append_piece(directory.pieces.size(), meta::encode_snapshot_directory(directory)));
  TRY_VOID(commit({}, false));
  // The one before is garbage once the superblocks name this one.
  for (const NeedlePlace& piece : directory.pieces) TRY_VOID(store::read_needle(*volumes_, uuid_, piece));
  TRY_VOID(store::read_needle(*volumes_, uuid_, last));
  return volumes_->update_superblocks(std::nullopt, last, last_.sequence);
}

}  // namespace ciaos::fsck
