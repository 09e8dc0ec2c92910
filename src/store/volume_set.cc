#include "store/volume_set.h"

#include <fmt/core.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdint>

namespace ciaos::store {

namespace {

// The other half is for rings, connections to the index, and sockets.
std::size_t most_open_volumes() {
  rlimit files{};
  return ::getrlimit(RLIMIT_NOFILE, &files) == 0 ? std::max<std::size_t>(files.rlim_cur / 2, 1) : SIZE_MAX;
}

// Refuses superblocks of different stores, or of one store in different lives.
Status check_one_store(const std::vector<std::unique_ptr<StoreDevice>>& devices,
                       const std::vector<Superblock>& superblocks) {
  const Superblock& first = superblocks.front();
  for (std::size_t i = 1; i < devices.size(); ++i) {
    const Superblock& s = superblocks[i];
    if (s.uuid != first.uuid || s.device_count != first.device_count) {
      return fail(EXDEV, fmt::format("{} is of store {}, {} of store {}", devices[0]->name(),
                                     to_string(first.uuid), devices[i]->name(), to_string(s.uuid)));
    }
    if (s.volume_bytes != first.volume_bytes || s.log_start != first.log_start) {
      return fail(EUCLEAN, fmt::format("the superblocks of {} and {} contradict each other",
                                       devices[0]->name(), devices[i]->name()));
    }
  }
  return {};
}

// Puts devices in the order of their index; each index must be there, and once.
Result<std::vector<std::unique_ptr<StoreDevice>>> arrange(std::vector<std::unique_ptr<StoreDevice>> devices,
                                                          const std::vector<Superblock>& superblocks) {
  const Superblock& first = superblocks.front();
  std::vector<std::unique_ptr<StoreDevice>> arranged(first.device_count);
  for (std::size_t i = 0; i < devices.size(); ++i) {
    std::unique_ptr<StoreDevice>& place = arranged[superblocks[i].device_index];
    if (place != nullptr) {
      return fail(EXDEV, fmt::format("{} and {} are both device {} of store {}", place->name(),
                                     devices[i]->name(), superblocks[i].device_index, to_string(first.uuid)));
    }
    place = std::move(devices[i]);
  }
  for (std::size_t index = 0; index < arranged.size(); ++index) {
    if (arranged[index] == nullptr) {
      return fail(ENXIO, fmt::format("device {} of the {} of store {} is missing", index, arranged.size(),
                                     to_string(first.uuid)));
    }
  }
  return arranged;
}

Superblock newest_with_highest_epoch(const std::vector<Superblock>& superblocks) {
  Superblock newest = superblocks.front();
  Epoch epoch;
  for (const Superblock& s : superblocks) {
    if (s.counter > newest.counter) newest = s;
    epoch = std::max(epoch, s.epoch);
  }
  newest.epoch = epoch;
  return newest;
}

}  // namespace

Status StoreDevice::share(const Device& /*volume*/, const SharedRange& /*range*/, int /*file*/) {
  return fail(ENOTSUP, name());
}

Result<std::unique_ptr<VolumeSet>> VolumeSet::open(std::vector<std::unique_ptr<StoreDevice>> devices) {
  if (devices.empty()) return fail(EINVAL, "a store has at least one device");
  std::vector<Superblock> superblocks;
  for (const auto& device : devices) superblocks.push_back(TRY(device->read_superblock()));
  TRY_VOID(check_one_store(devices, superblocks));
  std::unique_ptr<VolumeSet> set(new VolumeSet());
  set->devices_ = TRY(arrange(std::move(devices), superblocks));
  MutexLock lock(set->mutex_);
  set->superblock_ = newest_with_highest_epoch(superblocks);
  return set;
}

Superblock VolumeSet::superblock() const {
  MutexLock lock(mutex_);
  return superblock_;
}

Status VolumeSet::update_superblocks(const std::optional<Epoch>& epoch,
                                     const std::optional<NeedlePlace>& snapshot,
                                     const std::optional<Sequence>& log_reached) {
  Superblock merged = superblock();
  std::vector<Superblock> copies;
  for (const auto& device : devices_) {
    copies.push_back(TRY(device->read_superblock()));
    const Superblock& now = copies.back();
    if (now.uuid != merged.uuid || now.epoch > merged.epoch) {
      return fail(ESTALE, fmt::format("{}: another writer has opened the store with epoch {}, above {}",
                                      device->name(), now.epoch.value(), merged.epoch.value()));
    }
    merged.counter = std::max(merged.counter, now.counter);
  }
  CIAOS_ASSERT(!epoch || *epoch >= merged.epoch);
  ++merged.counter;
  if (epoch) merged.epoch = *epoch;
  if (snapshot) merged.snapshot = snapshot;
  if (log_reached) merged.log_reached = *log_reached;
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    copies[i].counter = merged.counter;
    copies[i].epoch = merged.epoch;
    copies[i].snapshot = merged.snapshot;
    copies[i].log_reached = merged.log_reached;
    TRY_VOID(devices_[i]->write_superblock(copies[i]));
  }
  MutexLock lock(mutex_);
  superblock_ = merged;
  return {};
}

Result<std::shared_ptr<Device>> VolumeSet::volume(VolumeId id) {
  if (device_of(id) >= devices_.size()) {
    return fail(ENOENT, fmt::format("volume {:#x}: the store has {} devices", id.value(), devices_.size()));
  }
  {
    MutexLock lock(mutex_);
    const auto open = open_.find(id);
    if (open != open_.end()) return open->second;
  }
  close_idle(most_open_volumes());
  std::shared_ptr<Device> opened = TRY(opened_volume(id));
  // Another thread may have opened it meanwhile: everybody uses the one that came first.
  MutexLock lock(mutex_);
  return open_.try_emplace(id, std::move(opened)).first->second;
}

// All at once, since who uses a volume is told only by its references: whoever reads on opens it again. What was written through
// one that is closed is synced through the next, which also tells what went wrong meanwhile (the kernel's errseq).
bool VolumeSet::close_idle(std::size_t at_least) {
  std::map<VolumeId, std::shared_ptr<Device>> idle;
  MutexLock lock(mutex_);
  if (open_.size() < at_least) return false;
  std::erase_if(open_, [&](const auto& volume) {
    if (volume.second.use_count() > 1) return false;
    idle.insert(volume);
    return true;
  });
  return !idle.empty();
}

// Rings, twins and the index may have taken more than their half.
Result<std::shared_ptr<Device>> VolumeSet::opened_volume(VolumeId id) {
  StoreDevice& device = *devices_[device_of(id)];
  Result<std::shared_ptr<Device>> opened = device.open_volume(slot_of(id));
  if (opened.code() == EMFILE && close_idle(0)) return device.open_volume(slot_of(id));
  return opened;
}

Result<std::shared_ptr<Device>> VolumeSet::create_volume(VolumeId id) {
  CIAOS_ASSERT(device_of(id) < devices_.size());
  close_idle(most_open_volumes());
  StoreDevice& device = *devices_[device_of(id)];
  Result<std::shared_ptr<Device>> created = device.create_volume(slot_of(id));
  if (created.code() == EMFILE && close_idle(0)) {
    TRY_VOID(device.free_volume(slot_of(id)));  // what may be there of it
    created = device.create_volume(slot_of(id));
  }
  if (!created.ok()) return created.error();
  MutexLock lock(mutex_);
  open_[id] = *created;
  return created;
}

Status VolumeSet::free_volume(VolumeId id) {
  CIAOS_ASSERT(device_of(id) < devices_.size());
  {
    MutexLock lock(mutex_);
    open_.erase(id);
  }
  return devices_[device_of(id)]->free_volume(slot_of(id));
}

Result<std::vector<VolumeId>> VolumeSet::existing_volumes() {
  std::vector<VolumeId> ids;
  for (std::uint32_t index = 0; index < devices_.size(); ++index) {
    for (const std::uint32_t slot : TRY(devices_[index]->existing_volumes())) {
      ids.push_back(make_volume_id(index, slot));
    }
  }
  return ids;
}

std::uint32_t VolumeSet::device_count() const { return static_cast<std::uint32_t>(devices_.size()); }

StoreDevice& VolumeSet::device(std::uint32_t index) {
  CIAOS_ASSERT(index < devices_.size());
  return *devices_[index];
}

Status VolumeSet::sync_all() {
  for (const auto& device : devices_) TRY_VOID(device->sync_all());
  return {};
}

}  // namespace ciaos::store
