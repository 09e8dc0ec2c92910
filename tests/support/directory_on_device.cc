#include "support/directory_on_device.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <set>

#include "base/crc32c.h"
#include "base/mutex.h"
#include "store/format.h"
#include "store/superblock_copies.h"

namespace ciaos::test {
namespace {

using store::Device;
using store::IoBuffer;
using store::kBlockBytes;
using store::kSlotsBegin;
using store::StoreKind;
using store::Superblock;

constexpr std::size_t kFramesMax = 64;
constexpr std::array<std::uint64_t, 2> kTables{kBlockBytes, 2 * kBlockBytes};

// Which file lies in a frame, plus 1. Two copies in turn: the one in use is never written.
struct Table {
  std::uint64_t counter = 0;
  std::array<std::uint32_t, kFramesMax> files{};
  std::uint32_t crc = 0;
  std::uint32_t unused = 0;  // else padding, which copies need not keep

  std::uint32_t sum() const {
    Table plain = *this;
    plain.crc = 0;
    return crc32c(0, as_bytes({reinterpret_cast<const char*>(&plain), sizeof plain}));
  }
};

// A file: what was punched out of it counts as free.
class File final : public Device {
 public:
  File(std::shared_ptr<Device> disk, std::uint64_t begin, std::uint64_t bytes)
      : disk_(std::move(disk)), begin_(begin), bytes_(bytes) {}

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
    MutexLock lock(mutex_);
    for (std::uint64_t at = offset; at < offset + bytes; at += kBlockBytes) punched_.insert(at / kBlockBytes);
    return disk_->discard(begin_ + offset, bytes);
  }
  Result<std::uint64_t> allocated_bytes() override {
    MutexLock lock(mutex_);
    return bytes_ - punched_.size() * kBlockBytes;
  }
  std::string name() const override { return "file"; }

 private:
  const std::shared_ptr<Device> disk_;
  const std::uint64_t begin_;
  const std::uint64_t bytes_;
  Mutex mutex_;
  std::set<std::uint64_t> punched_ GUARDED_BY(mutex_);
};

class DirectoryOnDevice final : public store::StoreDevice {
 public:
  explicit DirectoryOnDevice(std::shared_ptr<Device> disk) : disk_(std::move(disk)) {}

  StoreKind kind() const override { return StoreKind::directory; }
  std::string name() const override { return "directory"; }

  Result<Superblock> read_superblock() override {
    Superblock superblock = TRY(store::newest_of(read_superblock_copies(), name()));
    MutexLock lock(mutex_);
    volume_bytes_ = superblock.volume_bytes;
    return superblock;
  }
  std::vector<Result<Superblock>> read_superblock_copies() override {
    return store::read_copies(*disk_, places());
  }
  Status write_superblock(const Superblock& superblock) override {
    return store::write_copies(*disk_, places(), superblock);
  }

  Result<std::shared_ptr<Device>> open_volume(std::uint32_t slot) override {
    MutexLock lock(mutex_);
    const auto frame = frame_of(TRY(table()), slot + 1);
    if (!frame) return fail(ENOENT);
    return file_in(*frame);
  }
  Result<std::shared_ptr<Device>> create_volume(std::uint32_t slot) override {
    MutexLock lock(mutex_);
    Table now = TRY(table());
    if (frame_of(now, slot + 1)) return fail(EEXIST);
    const auto frame = frame_of(now, 0);
    if (!frame) return fail(ENOSPC);
    const IoBuffer zeros(volume_bytes_);
    std::shared_ptr<Device> file = file_in(*frame);
    TRY_VOID(file->write(0, zeros.span()));
    TRY_VOID(file->sync());
    now.files[*frame] = slot + 1;
    TRY_VOID(write(now));
    return file;
  }
  Status free_volume(std::uint32_t slot) override {
    MutexLock lock(mutex_);
    Table now = TRY(table());
    const auto frame = frame_of(now, slot + 1);
    if (!frame) return fail(ENOENT);
    now.files[*frame] = 0;
    return write(now);
  }

  Result<std::vector<std::uint32_t>> existing_volumes() override {
    MutexLock lock(mutex_);
    const Table now = TRY(table());
    std::vector<std::uint32_t> slots;
    for (const std::uint32_t file : now.files) {
      if (file != 0) slots.push_back(file - 1);
    }
    std::ranges::sort(slots);
    return slots;
  }
  Result<std::uint64_t> creatable_volumes() override {
    MutexLock lock(mutex_);
    const Table now = TRY(table());
    return static_cast<std::uint64_t>(std::count(now.files.begin(), now.files.begin() + frames(), 0u));
  }
  Status sync_all() override { return disk_->sync(); }
  Result<std::uint64_t> capacity_bytes() override { return disk_->size() - 2 * kSlotsBegin; }
  Status begin_format(const Superblock& plan) override {
    TRY_VOID(store::wipe_copies(*disk_, places()));
    MutexLock lock(mutex_);
    volume_bytes_ = plan.volume_bytes;
    Table now = TRY(table());
    now.files = {};
    return write(now);
  }

 private:
  store::SuperblockPlaces places() const { return {0, disk_->size() - kBlockBytes}; }
  std::ptrdiff_t frames() const REQUIRES(mutex_) {
    return static_cast<std::ptrdiff_t>(
        std::min<std::uint64_t>(kFramesMax, (disk_->size() - 2 * kSlotsBegin) / volume_bytes_));
  }
  std::optional<std::uint64_t> frame_of(const Table& now, std::uint32_t file) const REQUIRES(mutex_) {
    const auto end = now.files.begin() + frames();
    const auto found = std::find(now.files.begin(), end, file);
    if (found == end) return std::nullopt;
    return static_cast<std::uint64_t>(found - now.files.begin());
  }
  std::shared_ptr<Device> file_in(std::uint64_t frame) const REQUIRES(mutex_) {
    return std::make_shared<File>(disk_, kSlotsBegin + frame * volume_bytes_, volume_bytes_);
  }

  Result<Table> table() REQUIRES(mutex_) {
    Table newest;
    for (const std::uint64_t place : kTables) {
      IoBuffer block(kBlockBytes);
      TRY_VOID(disk_->read(place, block.span()));
      Table there;
      std::memcpy(&there, block.data(), sizeof there);
      if (there.crc == there.sum() && there.counter > newest.counter) newest = there;
    }
    return newest;
  }
  Status write(Table changed) REQUIRES(mutex_) {
    ++changed.counter;
    changed.crc = changed.sum();
    IoBuffer block(kBlockBytes);
    std::memcpy(block.data(), &changed, sizeof changed);
    TRY_VOID(disk_->write(kTables[changed.counter % 2], block.span()));
    return disk_->sync();
  }

  const std::shared_ptr<Device> disk_;
  Mutex mutex_;
  std::uint64_t volume_bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace

std::unique_ptr<store::StoreDevice> directory_on_device(std::shared_ptr<Device> device) {
  return std::make_unique<DirectoryOnDevice>(std::move(device));
}

}  // namespace ciaos::test
