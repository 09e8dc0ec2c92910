// The ledger: bytes promised to writes never exceed what the current volume and the prepared ones can take. A prepared
// volume exists and is synced, so a promise that was given can be kept whatever the host filesystem's other users do.
#include "store/volume_pool.h"

#include <fmt/core.h>

#include <algorithm>
#include <numeric>

namespace ciaos::store {
namespace {

// Beyond this sums might overflow; no store is as large.
constexpr std::uint64_t kHeldMax = std::uint64_t{1} << 60;

// A held range may be written in pieces of 4 KiB with an fsync after each. Then each is a needle that begins a block of its
// own and leaves the rest of the next one as padding, and what is promised to a write is a bound of that and of its records.
constexpr std::uint64_t held_log_bytes(std::uint64_t bytes) { return (bytes + 3) / 4 * 9; }

}  // namespace

VolumePool::VolumePool(VolumeSet& volumes, const std::vector<KnownVolume>& known,
                       std::vector<std::uint32_t> next_slots, std::uint64_t usable_bytes)
    : volumes_(volumes),
      usable_bytes_(usable_bytes),
      next_slots_(std::move(next_slots)),
      last_device_(volumes.device_count() - 1) {
  CIAOS_ASSERT(usable_bytes > 0);
  next_slots_.resize(volumes_.device_count(), 0);
  for (std::uint32_t device = 0; device < volumes_.device_count(); ++device) {
    if (!is_raw(device)) continue;
    // A raw device knows its slots without asking anybody, so this cannot fail.
    const std::vector<std::uint32_t> slots = volumes_.device(device).existing_volumes().value();
    for (const std::uint32_t slot : slots) {
      free_slots_[make_volume_id(device, slot)] = Generation(0);
    }
  }
  for (const KnownVolume& volume : known) {
    if (volume.free) {
      if (is_raw(device_of(volume.volume))) free_slots_[volume.volume] = volume.generation;
      continue;
    }
    free_slots_.erase(volume.volume);
    ++taken_;
  }
  learn_creatable();
}

bool VolumePool::is_raw(std::uint32_t device) const {
  return volumes_.device(device).kind() == StoreKind::raw;
}

std::uint64_t VolumePool::granted_bytes() const { return current_room_ + usable_bytes_ * prepared_.size(); }

std::uint64_t VolumePool::granted_to_data_bytes() const {
  const std::uint64_t granted = granted_bytes();
  return granted - std::min(granted, lent_ * usable_bytes_);
}

void VolumePool::note_creatable(std::uint64_t volumes) { lent_ = reserved_ - std::min(reserved_, volumes); }

Result<std::uint64_t> VolumePool::creatable_for_data() const {
  const std::vector<std::uint64_t> creatable_on = TRY(creatable());
  const std::uint64_t total = std::accumulate(creatable_on.begin(), creatable_on.end(), std::uint64_t{0});
  MutexLock lock(mutex_);
  return total - std::min(total, reserved_);
}

bool VolumePool::fits_beside_held(std::uint64_t bytes, std::uint64_t held, std::uint64_t creatable) const {
  const std::uint64_t grantable = granted_to_data_bytes() + creatable * usable_bytes_;
  const std::uint64_t spoken_for = promised_ + held_log_bytes(held);
  return spoken_for <= grantable && bytes <= grantable - spoken_for;
}

Status VolumePool::hold(std::uint64_t bytes) {
  const std::uint64_t creatable = TRY(creatable_for_data());
  MutexLock lock(mutex_);
  if (bytes > kHeldMax || held_ > kHeldMax || !fits_beside_held(0, held_ + bytes, creatable))
    return fail(ENOSPC, "no volume is left to be held");
  held_ += bytes;
  return {};
}

void VolumePool::hold_again(std::uint64_t bytes) {
  MutexLock lock(mutex_);
  held_ += std::min(bytes, kHeldMax);
}

void VolumePool::unhold(std::uint64_t bytes) {
  MutexLock lock(mutex_);
  // An index that counted too few is damaged, and the rows are right.
  held_ -= std::min(bytes, held_);
}

std::uint64_t VolumePool::held() const {
  MutexLock lock(mutex_);
  return held_;
}

Status VolumePool::reserve(std::uint64_t bytes, Claim claim) {
  while (true) {
    // Only who has to leave room for what is held asks the devices each time.
    const bool beside_held = claim == Claim::fresh && held() > 0;
    const std::uint64_t creatable = beside_held ? TRY(creatable_for_data()) : 0;
    {
      MutexLock lock(mutex_);
      if (beside_held && !fits_beside_held(bytes, held_, creatable))
        return fail(ENOSPC, "what is left is held for files that reserved it");
      // What is held was counted before the reserve was made use of, and is not short of what that lent.
      const std::uint64_t granted = claim == Claim::held ? granted_bytes() : granted_to_data_bytes();
      if (promised_ <= granted && bytes <= granted - promised_) {
        promised_ += bytes;
        return {};
      }
      if (!may_prepare()) continue;
    }
    TRY_VOID(prepare_one(Purpose::data));
  }
}

Status VolumePool::reserve_for_compaction(std::uint64_t bytes) {
  CIAOS_ASSERT(bytes <= usable_bytes_);
  return reserve_of_the_reserve(bytes, Purpose::compaction);
}

Status VolumePool::reserve_for_snapshot(std::uint64_t bytes) {
  const Status status = reserve(bytes);
  return status.code() == ENOSPC ? reserve_of_the_reserve(bytes, Purpose::snapshot) : status;
}

void VolumePool::set_snapshot_bytes(std::uint64_t bytes) {
  const std::uint64_t volumes = std::max<std::uint64_t>(1, (bytes + usable_bytes_ - 1) / usable_bytes_);
  {
    MutexLock lock(mutex_);
    if (reserved_ == kVolumesReserved - 1 + volumes) return;
    reserved_ = kVolumesReserved - 1 + volumes;
  }
  learn_creatable();
}

// A device that cannot say how much it has left is asked again when a volume is made.
void VolumePool::learn_creatable() {
  const auto asked = creatable();
  if (!asked.ok()) return;
  MutexLock lock(mutex_);
  note_creatable(std::accumulate(asked->begin(), asked->end(), std::uint64_t{0}));
}

Status VolumePool::reserve_of_the_reserve(std::uint64_t bytes, Purpose purpose) {
  {
    // Promised before there is room for it: data must not be granted the volume that is made here.
    MutexLock lock(mutex_);
    promised_ += bytes;
  }
  while (true) {
    {
      MutexLock lock(mutex_);
      if (promised_ <= granted_bytes()) return {};
      if (!may_prepare()) continue;
    }
    Status prepared = prepare_one(purpose);
    if (prepared.ok()) continue;
    release(bytes);
    return prepared;
  }
}

void VolumePool::release(std::uint64_t bytes) {
  MutexLock lock(mutex_);
  CIAOS_ASSERT(bytes <= promised_);
  promised_ -= bytes;
}

void VolumePool::set_current_room(std::uint64_t bytes) {
  MutexLock lock(mutex_);
  current_room_ = bytes;
}

Result<VolumeStart> VolumePool::take(bool for_data) {
  while (true) {
    Purpose purpose = Purpose::reserved;
    {
      MutexLock lock(mutex_);
      if (!prepared_.empty()) {
        VolumeStart start = std::move(prepared_.front());
        prepared_.erase(prepared_.begin());
        ++taken_;
        // The writer goes on there. Said here already: until it reports, the ledger would be a volume short, and a
        // reserve() in between would find the store full that is not.
        current_room_ = usable_bytes_;
        return start;
      }
      if (for_data && promised_ <= granted_bytes()) purpose = Purpose::data;
      if (!may_prepare()) continue;
    }
    TRY_VOID(prepare_one(purpose));
  }
}

Status VolumePool::prepare() {
  {
    MutexLock lock(mutex_);
    if (!prepared_.empty() || !may_prepare()) return {};
  }
  const Status prepared = prepare_one(Purpose::data);
  if (prepared.code() == ENOSPC) return {};
  return prepared;
}

bool VolumePool::may_prepare() {
  if (preparing_) {
    prepared_or_failed_.wait(mutex_);
    return false;
  }
  preparing_ = true;
  return true;
}

Status VolumePool::prepare_one(Purpose purpose) {
  Status created = create(purpose);
  MutexLock lock(mutex_);
  preparing_ = false;
  prepared_or_failed_.notify_all();
  return created;
}

Result<std::vector<std::uint64_t>> VolumePool::creatable() const {
  std::vector<std::uint64_t> volumes(volumes_.device_count(), 0);
  for (std::uint32_t device = 0; device < volumes.size(); ++device) {
    if (!is_raw(device)) volumes[device] = TRY(volumes_.device(device).creatable_volumes());
  }
  MutexLock lock(mutex_);
  for (const auto& [volume, generation] : free_slots_) ++volumes[device_of(volume)];
  return volumes;
}

VolumePool::Chosen VolumePool::choose_on(std::uint32_t device) {
  if (!is_raw(device)) return {make_volume_id(device, next_slots_[device]++), Generation(0)};
  const auto slot = free_slots_.lower_bound(make_volume_id(device, 0));
  CIAOS_ASSERT(slot != free_slots_.end() && device_of(slot->first) == device);
  const Chosen chosen{slot->first, slot->second};
  free_slots_.erase(slot);
  return chosen;
}

std::uint64_t VolumePool::kept_from(Purpose purpose) const {
  switch (purpose) {
    case Purpose::data: return reserved_;
    case Purpose::compaction: return reserved_ - 1;
    case Purpose::snapshot: return kVolumesReserved - 1;
    case Purpose::reserved: return 0;
  }
  return reserved_;
}

Status VolumePool::create(Purpose purpose) {
  const std::vector<std::uint64_t> creatable_on = TRY(creatable());
  const std::uint64_t total = std::accumulate(creatable_on.begin(), creatable_on.end(), std::uint64_t{0});
  {
    MutexLock lock(mutex_);
    if (total <= kept_from(purpose)) {
      note_creatable(total);
      return fail(ENOSPC, "no volume is left");
    }
  }
  while (true) {
    Chosen chosen;
    {
      MutexLock lock(mutex_);
      // Where most is free; of equals the one whose turn it is.
      std::uint32_t best = (last_device_ + 1) % static_cast<std::uint32_t>(creatable_on.size());
      for (std::uint32_t turn = 1; turn < creatable_on.size(); ++turn) {
        const std::uint32_t device =
            (last_device_ + 1 + turn) % static_cast<std::uint32_t>(creatable_on.size());
        if (creatable_on[device] > creatable_on[best]) best = device;
      }
      last_device_ = best;
      chosen = choose_on(best);
    }
    Result<std::shared_ptr<Device>> device = volumes_.create_volume(chosen.volume);
    // A file that a killed writer made and no row names: its number is used up, the next one serves.
    if (device.code() == EEXIST) continue;
    MutexLock lock(mutex_);
    if (!device.ok()) {
      if (is_raw(device_of(chosen.volume))) free_slots_[chosen.volume] = chosen.last;
      return device.error();
    }
    note_creatable(total - 1);
    prepared_.push_back({chosen.volume, Generation(chosen.last.value() + 1), std::move(*device)});
    return {};
  }
}

Status VolumePool::give_back(VolumeId volume, Generation generation) {
  TRY_VOID(volumes_.free_volume(volume));
  MutexLock lock(mutex_);
  if (is_raw(device_of(volume))) free_slots_[volume] = generation;
  if (taken_ > 0) --taken_;
  if (lent_ > 0) --lent_;
  return {};
}

std::vector<std::uint32_t> VolumePool::next_slots() const {
  MutexLock lock(mutex_);
  return next_slots_;
}

bool VolumePool::has_room_for(std::uint64_t bytes) const {
  {
    MutexLock lock(mutex_);
    if (fits_beside_held(bytes, held_, /*creatable=*/0)) return true;
  }
  return space().bytes_available >= bytes;
}

VolumePool::Space VolumePool::space() const {
  std::uint64_t creatable_volumes = 0;
  // A device that cannot say how much it has left is counted as full.
  if (const auto asked = creatable(); asked.ok()) {
    creatable_volumes = std::accumulate(asked->begin(), asked->end(), std::uint64_t{0});
  }
  MutexLock lock(mutex_);
  const std::uint64_t for_data = creatable_volumes - std::min(creatable_volumes, reserved_);
  const std::uint64_t all = taken_ + prepared_.size() + (preparing_ ? 1 : 0) + creatable_volumes;
  Space space;
  space.bytes_total = (all - std::min(all, reserved_)) * usable_bytes_;
  const std::uint64_t grantable = granted_to_data_bytes() + for_data * usable_bytes_;
  const std::uint64_t spoken_for = promised_ + held_log_bytes(held_);
  space.bytes_grantable = grantable;
  space.bytes_available = grantable - std::min(grantable, spoken_for);
  return space;
}

}  // namespace ciaos::store
