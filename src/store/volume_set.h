// The devices of one store: their superblocks, and their volumes as devices of their own.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log_position.h"
#include "base/mutex.h"
#include "base/unique_fd.h"
#include "store/device.h"
#include "store/superblock.h"

namespace ciaos::store {

// Whole blocks of a volume, and where they are to show in a file.
struct SharedRange {
  std::uint64_t from = 0;
  std::uint64_t bytes = 0;
  std::uint64_t to = 0;
};

// One directory or one raw device (block device, image file, memory) of a store. Thread-safe but for the superblock,
// which has one writer.
class StoreDevice {
 public:
  virtual ~StoreDevice() = default;
  virtual StoreKind kind() const = 0;
  virtual std::string name() const = 0;
  // The valid copy with the highest counter. ENODATA: not ours; EUCLEAN: no copy verifies; ENOTSUP: newer.
  virtual Result<Superblock> read_superblock() = 0;
  // For fsck: each copy by itself, in store order.
  virtual std::vector<Result<Superblock>> read_superblock_copies() = 0;
  // One copy after the other, each synced.
  virtual Status write_superblock(const Superblock& superblock) = 0;
  // A volume that exists. ENOENT where it does not.
  virtual Result<std::shared_ptr<Device>> open_volume(std::uint32_t slot) = 0;
  // A fresh volume of the superblock's volume_bytes: for a directory a new preallocated file, synced with its directory
  // (EEXIST if the file is there); for a raw device the slot, discarded. ENOSPC.
  virtual Result<std::shared_ptr<Device>> create_volume(std::uint32_t slot) = 0;
  // Gives a volume's space back. Descriptors that are still open keep reading a directory store's file.
  virtual Status free_volume(std::uint32_t slot) = 0;
  // Directory: which volume files exist, in order. Raw: every slot.
  virtual Result<std::vector<std::uint32_t>> existing_volumes() = 0;
  // How many volumes could be created now: directory, by the host filesystem's free bytes; raw, slot_count.
  virtual Result<std::uint64_t> creatable_volumes() = 0;
  // Whatever any earlier process left written in the store is durable on return.
  virtual Status sync_all() = 0;
  // Of the raw device, or what the host filesystem has free: for choosing a volume size before there is a superblock.
  virtual Result<std::uint64_t> capacity_bytes() = 0;
  // The first step of a format: wipes and syncs what superblock copies there are, removes a directory's old volumes, and
  // lets create_volume() go by `plan` although no superblock says so yet. write_superblock() is the last step.
  virtual Status begin_format(const Superblock& plan) = 0;
  // A new file without a name beside the volumes, gone with its descriptor: no crash leaves it behind. ENOTSUP: no directory.
  virtual Result<UniqueFd> unnamed_file() { return fail(ENOTSUP, name()); }
  // Bytes of a volume are from now on those of `file` as well; both are changed apart. EOPNOTSUPP: the filesystem shares none.
  virtual Status share(const Device& volume, const SharedRange& range, int file);
};

enum class OpenAccess { read_write, read_only };

// Memory or any other Device as a raw store device; the mock backend and the tests use it.
std::unique_ptr<StoreDevice> raw_store_device(std::shared_ptr<Device> device);
// A path: directory, block device, partition, loop device or image file. Takes the owner lock: flock, exclusive for
// read_write and shared for read_only. EBUSY names the owner's pid (from /proc/locks) after `wait_ms` have passed.
Result<std::unique_ptr<StoreDevice>> open_store_device(const std::string& path, OpenAccess access,
                                                       std::uint64_t wait_ms);
// For mkfs: the same without any superblock being there. `directory` is created if missing.
Result<std::unique_ptr<StoreDevice>> create_store_device(const std::string& path);

// All devices of one store, opened together. Thread-safe.
class VolumeSet {
 public:
  // Checks that the devices are one store and all of it: EUCLEAN or ENOTSUP of a superblock; EXDEV: two stores mixed, or a
  // device and its copy; ENXIO: a device of the store is missing; EINVAL: a raw device shorter than it was formatted. Order
  // does not matter.
  static Result<std::unique_ptr<VolumeSet>> open(std::vector<std::unique_ptr<StoreDevice>> devices);

  // Of the copy with the highest counter on any device, with the highest epoch on any device.
  Superblock superblock() const;
  // Raises the counter and writes copies with what is given changed to all devices, one after the other. `log_reached`: the
  // number of a batch that is durable. ESTALE, and nothing written, if a device's epoch is above this set's
  // own: another writer has taken over (invariant 9).
  Status update_superblocks(const std::optional<Epoch>& epoch, const std::optional<NeedlePlace>& snapshot,
                            const std::optional<Sequence>& log_reached = std::nullopt);

  // The volume as a device of volume_bytes. ENOENT. It stays open for the next one who asks, until it is freed or half of the
  // descriptors that the process may have are taken by such that nobody uses.
  Result<std::shared_ptr<Device>> volume(VolumeId id);
  Result<std::shared_ptr<Device>> create_volume(VolumeId id);
  Status free_volume(VolumeId id);
  Result<std::vector<VolumeId>> existing_volumes();
  std::uint32_t device_count() const;
  StoreDevice& device(std::uint32_t index);
  Status sync_all();

 private:
  VolumeSet() = default;
  // If so many are open. False: none was closed.
  bool close_idle(std::size_t at_least) EXCLUDES(mutex_);
  Result<std::shared_ptr<Device>> opened_volume(VolumeId id) EXCLUDES(mutex_);
  mutable Mutex mutex_;
  std::vector<std::unique_ptr<StoreDevice>> devices_;  // by device index; constant after open
  Superblock superblock_ GUARDED_BY(mutex_);
  std::map<VolumeId, std::shared_ptr<Device>> open_ GUARDED_BY(mutex_);
};

}  // namespace ciaos::store
