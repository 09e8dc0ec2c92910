// A raw device: a superblock copy in its first block and in its last whole one, slots of one volume each between.
#include "store/raw_store_device.h"

#include <fmt/core.h>

#include <algorithm>
#include <vector>

#include "store/superblock_copies.h"

namespace ciaos::store {

namespace {

std::uint64_t last_block(std::uint64_t device_bytes) {
  return align_down(device_bytes, kBlockBytes) - kBlockBytes;
}

// A slot seen as a device of its own.
class Slot final : public Device {
 public:
  Slot(std::shared_ptr<Device> disk, std::uint64_t begin, std::uint64_t bytes, std::string name)
      : disk_(std::move(disk)), begin_(begin), bytes_(bytes), name_(std::move(name)) {}

  std::uint64_t size() const override { return bytes_; }
  std::uint32_t alignment() const override { return disk_->alignment(); }
  Status read(std::uint64_t offset, MutableByteSpan into) override {
    TRY_VOID(check_range(*this, offset, into.size()));
    return disk_->read(begin_ + offset, into);
  }
  Status write(std::uint64_t offset, ByteSpan from) override {
    TRY_VOID(check_range(*this, offset, from.size()));
    return disk_->write(begin_ + offset, from);
  }
  Status sync() override { return disk_->sync(); }
  Status discard(std::uint64_t offset, std::uint64_t bytes) override {
    TRY_VOID(check_range(*this, offset, bytes));
    return disk_->discard(begin_ + offset, bytes);
  }
  std::string name() const override { return name_; }
  int native_fd() const override { return disk_->native_fd(); }
  std::uint64_t native_offset() const override { return disk_->native_offset() + begin_; }

 private:
  const std::shared_ptr<Device> disk_;
  const std::uint64_t begin_;
  const std::uint64_t bytes_;
  const std::string name_;
};

struct Geometry {
  std::uint64_t device_bytes = 0;
  std::uint64_t slots_begin = 0;
  std::uint64_t volume_bytes = 0;
  std::uint32_t slot_count = 0;
};

class RawStoreDevice final : public StoreDevice {
 public:
  RawStoreDevice(std::shared_ptr<Device> disk, OpenAccess access, std::vector<OwnerLock> locks)
      : locks_(std::move(locks)), disk_(std::move(disk)), access_(access) {}

  StoreKind kind() const override { return StoreKind::raw; }
  std::string name() const override { return disk_->name(); }

  Result<Superblock> read_superblock() override {
    Superblock superblock = TRY(newest_of(read_superblock_copies(), name()));
    if (superblock.kind != StoreKind::raw)
      return fail(EUCLEAN, name() + ": the superblock is of a directory store");
    if (superblock.device_bytes > disk_->size()) {
      return fail(EINVAL, fmt::format("{} has {} bytes, but was formatted with {}", name(), disk_->size(),
                                      superblock.device_bytes));
    }
    go_by(superblock);
    return superblock;
  }

  std::vector<Result<Superblock>> read_superblock_copies() override {
    std::vector<Result<Superblock>> copies;
    if (disk_->size() < 2 * kBlockBytes) {
      copies.push_back(fail(ENODATA, "too small for a store"));
      return copies;
    }
    copies = read_copies(*disk_, {0, last_block(disk_->size())});
    // A device that has grown keeps its second copy where its end was.
    if (copies[0].ok() && copies[0]->kind == StoreKind::raw && copies[0]->device_bytes < disk_->size()) {
      copies = read_copies(*disk_, {0, last_block(copies[0]->device_bytes)});
    }
    return copies;
  }

  Status write_superblock(const Superblock& superblock) override {
    TRY_VOID(writable());
    CIAOS_ASSERT(superblock.kind == StoreKind::raw && superblock.device_bytes <= disk_->size());
    TRY_VOID(write_copies(*disk_, {0, last_block(superblock.device_bytes)}, superblock));
    go_by(superblock);
    return {};
  }

  Result<std::shared_ptr<Device>> open_volume(std::uint32_t slot) override { return slot_device(slot); }

  Result<std::shared_ptr<Device>> create_volume(std::uint32_t slot) override {
    TRY_VOID(writable());
    std::shared_ptr<Device> volume = TRY(slot_device(slot));
    TRY_VOID(volume->discard(0, volume->size()));
    return volume;
  }

  Status free_volume(std::uint32_t slot) override {
    TRY_VOID(writable());
    const std::shared_ptr<Device> volume = TRY(slot_device(slot));
    return volume->discard(0, volume->size());
  }

  Result<std::vector<std::uint32_t>> existing_volumes() override {
    std::vector<std::uint32_t> slots(geometry().slot_count);
    for (std::uint32_t slot = 0; slot < slots.size(); ++slot) slots[slot] = slot;
    return slots;
  }

  Result<std::uint64_t> creatable_volumes() override { return std::uint64_t{geometry().slot_count}; }
  Status sync_all() override { return disk_->sync(); }
  Result<std::uint64_t> capacity_bytes() override { return disk_->size(); }

  Status begin_format(const Superblock& plan) override {
    TRY_VOID(writable());
    CIAOS_ASSERT(plan.kind == StoreKind::raw && plan.device_bytes <= disk_->size());
    // All that lies before the slots goes, for what other filesystems leave there would make this device look like theirs.
    const IoBuffer zeros(plan.slots_begin - kBlockBytes);
    TRY_VOID(disk_->write(kBlockBytes, zeros.span()));
    TRY_VOID(wipe_copies(*disk_, {0, last_block(disk_->size())}));
    TRY_VOID(wipe_copies(*disk_, {0, last_block(plan.device_bytes)}));
    go_by(plan);
    return {};
  }

 private:
  Status writable() const {
    if (access_ == OpenAccess::read_write) return {};
    return fail(EROFS, name());
  }

  Geometry geometry() const {
    MutexLock lock(mutex_);
    return geometry_;
  }

  void go_by(const Superblock& superblock) {
    MutexLock lock(mutex_);
    geometry_ = {superblock.device_bytes, superblock.slots_begin, superblock.volume_bytes,
                 superblock.slot_count};
  }

  Result<std::shared_ptr<Device>> slot_device(std::uint32_t slot) const {
    const Geometry g = geometry();
    if (slot >= g.slot_count)
      return fail(ENOENT, fmt::format("{}: slot {} of {}", name(), slot, g.slot_count));
    return std::shared_ptr<Device>(std::make_shared<Slot>(disk_, g.slots_begin + slot * g.volume_bytes,
                                                          g.volume_bytes,
                                                          fmt::format("{} slot {}", name(), slot)));
  }

  const std::vector<OwnerLock> locks_;
  const std::shared_ptr<Device> disk_;
  const OpenAccess access_;
  mutable Mutex mutex_;
  Geometry geometry_ GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<StoreDevice> raw_store_device(std::shared_ptr<Device> device) {
  return std::make_unique<RawStoreDevice>(std::move(device), OpenAccess::read_write,
                                          std::vector<OwnerLock>());
}

std::unique_ptr<StoreDevice> locked_raw_store_device(std::shared_ptr<Device> device, OpenAccess access,
                                                     std::vector<OwnerLock> locks) {
  return std::make_unique<RawStoreDevice>(std::move(device), access, std::move(locks));
}

}  // namespace ciaos::store
