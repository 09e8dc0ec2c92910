// A directory: `superblock`, a file of two blocks, and `volumes/<id>`, one file per volume. `index/` is not ours.
#include "store/directory_store_device.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <optional>

#include "base/log.h"
#include "store/file_device.h"
#include "store/owner_lock.h"
#include "store/superblock_copies.h"

namespace ciaos::store {

namespace {

constexpr SuperblockPlaces kPlaces{0, kBlockBytes};
constexpr std::uint64_t kSuperblockFileBytes = 2 * kBlockBytes;
constexpr std::uint32_t kVolumesMax = 1u << 24;  // a file number has 24 bits in a VolumeId
constexpr std::size_t kSyncsAtOnce = 64;

std::string superblock_path(const std::string& directory) { return directory + "/superblock"; }
std::string volumes_path(const std::string& directory) { return directory + "/volumes"; }

// A name that this program would have given: decimal, no leading zeros.
std::optional<std::uint32_t> volume_number(std::string_view name) {
  std::uint32_t number = 0;
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data(), end, number);
  if (error != std::errc() || stop != end || number >= kVolumesMax) return std::nullopt;
  if (std::to_string(number) != name) return std::nullopt;
  return number;
}

bool is_file(DIR* directory, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_REG;
  struct stat status {};
  return ::fstatat(::dirfd(directory), entry.d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISREG(status.st_mode);
}

Status sync_path(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return fail(errno, path);
  if (::fsync(fd.get()) != 0) return fail(EIO, "fsync " + path);
  return {};
}

Status make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return fail(errno, path);
}

std::string parent_of(const std::string& path) {
  const std::size_t end = path.find_last_not_of('/');
  const std::size_t slash = path.rfind('/', end);
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

class DirectoryStoreDevice final : public StoreDevice {
 public:
  DirectoryStoreDevice(std::string path, OpenAccess access, OwnerLock lock,
                       std::unique_ptr<FileDevice> superblocks)
      : lock_(std::move(lock)),
        path_(std::move(path)),
        access_(access),
        superblocks_(std::move(superblocks)) {}

  StoreKind kind() const override { return StoreKind::directory; }
  std::string name() const override { return path_; }

  Result<Superblock> read_superblock() override {
    Superblock superblock = TRY(newest_of(read_superblock_copies(), path_));
    if (superblock.kind != StoreKind::directory) {
      return fail(EUCLEAN, path_ + ": the superblock is of a raw store");
    }
    volume_bytes_ = superblock.volume_bytes;
    return superblock;
  }

  std::vector<Result<Superblock>> read_superblock_copies() override {
    std::vector<Result<Superblock>> copies = read_copies(*superblocks_, kPlaces);
    if (superblocks_->size() < kSuperblockFileBytes)
      copies.back() = fail(EUCLEAN, superblock_path(path_) + " ends before its second copy");
    return copies;
  }

  Status write_superblock(const Superblock& superblock) override {
    TRY_VOID(writable());
    CIAOS_ASSERT(superblock.kind == StoreKind::directory);
    TRY_VOID(restore_size());
    TRY_VOID(write_copies(*superblocks_, kPlaces, superblock));
    volume_bytes_ = superblock.volume_bytes;
    return {};
  }

  Result<std::shared_ptr<Device>> open_volume(std::uint32_t slot) override {
    const std::string path = volume_path(slot);
    const bool reading = access_ == OpenAccess::read_only;
    std::unique_ptr<FileDevice> volume =
        TRY(FileDevice::open(path, reading ? FileDevice::Access::read_only : FileDevice::Access::read_write));
    // What is left of it is read, and what is not there is found missing by whoever looks for it: checksums and the log's
    // end stand for that. In whole blocks, as direct reads want them.
    if (volume->size() != volume_bytes_) {
      log(LogLevel::error, "{} has {} bytes, not {}", path, volume->size(), volume_bytes_.load());
      volume->end_at(std::min(align_down(volume->size(), kBlockBytes), volume_bytes_.load()));
    }
    return std::shared_ptr<Device>(std::move(volume));
  }

  Result<std::shared_ptr<Device>> create_volume(std::uint32_t slot) override {
    TRY_VOID(writable());
    CIAOS_ASSERT(slot < kVolumesMax && volume_bytes_ > 0);
    const std::string path = volume_path(slot);
    const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd.valid()) return fail(errno, path);
    const Status made = preallocate(fd.get(), path);
    if (!made.ok()) {
      ::unlink(path.c_str());
      return made.error();
    }
    TRY_VOID(sync_path(volumes_path(path_)));
    return open_volume(slot);
  }

  // The unlink is not synced: a file that a crash brings back is named by no row, and given back at the next start.
  Status free_volume(std::uint32_t slot) override {
    TRY_VOID(writable());
    const std::string path = volume_path(slot);
    if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
    return fail(errno, path);
  }

  Result<std::vector<std::uint32_t>> existing_volumes() override {
    const std::string path = volumes_path(path_);
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
    if (directory == nullptr) return fail(errno, path);
    std::vector<std::uint32_t> numbers;
    errno = 0;
    while (const dirent* entry = ::readdir(directory.get())) {
      if (const std::optional<std::uint32_t> number = volume_number(entry->d_name)) {
        if (!is_file(directory.get(), *entry))
          return fail(EUCLEAN, fmt::format("{}/{} has a volume's name and is no file", path, entry->d_name));
        numbers.push_back(*number);
      }
      errno = 0;
    }
    if (errno != 0) return fail(errno, path);
    std::sort(numbers.begin(), numbers.end());
    return numbers;
  }

  Result<std::uint64_t> creatable_volumes() override {
    CIAOS_ASSERT(volume_bytes_ > 0);
    const std::uint64_t free_bytes = TRY(capacity_bytes());
    return std::min<std::uint64_t>(free_bytes / volume_bytes_, kVolumesMax);
  }

  Result<std::uint64_t> capacity_bytes() override {
    struct statvfs host {};
    if (::statvfs(path_.c_str(), &host) != 0) return fail(errno, path_);
    return std::uint64_t{host.f_bavail} * host.f_frsize;
  }

  // File by file and not syncfs(2): XFS answers that without a flush of the disk's cache when its log is idle, and the
  // last writes may have gone around the log.
  Status sync_all() override {
    std::vector<std::unique_ptr<FileDevice>> open;
    for (const std::uint32_t number : TRY(existing_volumes())) {
      open.push_back(TRY(FileDevice::open(volume_path(number), FileDevice::Access::read_only)));
      if (open.size() == kSyncsAtOnce) TRY_VOID(sync_and_close(open));
    }
    TRY_VOID(sync_and_close(open));
    TRY_VOID(sync_path(volumes_path(path_)));
    return superblocks_->sync();
  }

  Status begin_format(const Superblock& plan) override {
    TRY_VOID(writable());
    CIAOS_ASSERT(plan.kind == StoreKind::directory);
    TRY_VOID(wipe_copies(*superblocks_, kPlaces));
    for (const std::uint32_t number : TRY(existing_volumes())) TRY_VOID(free_volume(number));
    TRY_VOID(sync_path(volumes_path(path_)));
    volume_bytes_ = plan.volume_bytes;
    return {};
  }

  // Also of a store that is only read: not one byte of what has a name there changes.
  Result<UniqueFd> unnamed_file() override {
    const std::string path = volumes_path(path_);
    UniqueFd fd(::open(path.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!fd.valid()) return fail(errno, path);
    return fd;
  }

  Status share(const Device& volume, const SharedRange& range, int file) override {
    file_clone_range clone{};
    clone.src_fd = volume.native_fd();
    clone.src_offset = range.from;
    clone.src_length = range.bytes;
    clone.dest_offset = range.to;
    int answer = 0;
    do {
      answer = ::ioctl(file, FICLONERANGE, &clone);
    } while (answer != 0 && errno == EINTR);
    if (answer != 0) return fail(errno, volume.name());
    return {};
  }

 private:
  std::string volume_path(std::uint32_t slot) const {
    return fmt::format("{}/{}", volumes_path(path_), slot);
  }

  Status writable() const {
    if (access_ == OpenAccess::read_write) return {};
    return fail(EROFS, path_);
  }

  // A superblock file that was cut has room for its second copy again.
  Status restore_size() {
    if (superblocks_->size() >= kSuperblockFileBytes) return {};
    const std::string path = superblock_path(path_);
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd.valid() || ::ftruncate(fd.get(), kSuperblockFileBytes) != 0) return fail(errno, path);
    if (::fsync(fd.get()) != 0) return fail(EIO, "fsync " + path);
    superblocks_ = TRY(FileDevice::open(path, FileDevice::Access::read_write));
    return {};
  }

  // Space and size of a new volume file, durable: a full fsync, since the size is new.
  Status preallocate(int fd, const std::string& path) {
    const off_t bytes = static_cast<off_t>(volume_bytes_.load());
    int answer = 0;
    do {
      answer = ::fallocate(fd, 0, 0, bytes);
    } while (answer != 0 && errno == EINTR);
    if (answer != 0 && (errno == EOPNOTSUPP || errno == ENOSYS)) {
      if (!said_sparse_.exchange(true)) {
        log(LogLevel::warning,
            "{}: the filesystem does not preallocate; a full one will fail writes, not refuse them", path_);
      }
      answer = ::ftruncate(fd, bytes);
    }
    if (answer != 0) return fail(errno, path);
    if (::fsync(fd) != 0) return fail(EIO, "fsync " + path);
    return {};
  }

  static Status sync_and_close(std::vector<std::unique_ptr<FileDevice>>& open) {
    std::vector<IoRequest> requests;
    for (const auto& file : open) {
      requests.push_back({.device = file.get(), .operation = IoRequest::Operation::sync});
    }
    Status status = run_all(requests);
    open.clear();
    return status;
  }

  const OwnerLock lock_;
  const std::string path_;
  const OpenAccess access_;
  std::unique_ptr<FileDevice> superblocks_;  // replaced by the one writer of superblocks
  std::atomic<std::uint64_t> volume_bytes_{0};
  std::atomic<bool> said_sparse_{false};
};

bool holds_volumes(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(volumes_path(path).c_str()), ::closedir);
  if (directory == nullptr) return false;
  while (const dirent* entry = ::readdir(directory.get())) {
    if (volume_number(entry->d_name)) return true;
  }
  return false;
}

}  // namespace

Result<std::unique_ptr<StoreDevice>> open_directory_store(const std::string& path, OpenAccess access,
                                                          std::uint64_t wait_ms) {
  const std::string file = superblock_path(path);
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) {
    if (errno != ENOENT) return fail(errno, file);
    if (holds_volumes(path)) return fail(ENOMEDIUM, path + " holds volumes, but its superblock is missing");
    return fail(ENODATA, path + " holds no ciaosfs store");
  }
  // One copy is enough; the next write brings back the other.
  if (!S_ISREG(status.st_mode) || static_cast<std::uint64_t>(status.st_size) < kBlockBytes) {
    return fail(EUCLEAN, file + " is too short");
  }
  const bool reading = access == OpenAccess::read_only;
  OwnerLock lock =
      TRY(OwnerLock::take(file, reading ? OwnerLock::Mode::shared : OwnerLock::Mode::exclusive, wait_ms));
  std::unique_ptr<FileDevice> superblocks =
      TRY(FileDevice::open(file, reading ? FileDevice::Access::read_only : FileDevice::Access::read_write));
  return std::unique_ptr<StoreDevice>(
      std::make_unique<DirectoryStoreDevice>(path, access, std::move(lock), std::move(superblocks)));
}

Result<std::unique_ptr<StoreDevice>> create_directory_store(const std::string& path, std::uint64_t wait_ms) {
  const std::string file = superblock_path(path);
  TRY_VOID(make_directory(path));
  TRY_VOID(make_directory(volumes_path(path)));
  UniqueFd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) return fail(errno, file);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return fail(errno, file);
  if (static_cast<std::uint64_t>(status.st_size) < kSuperblockFileBytes) {
    if (::ftruncate(fd.get(), kSuperblockFileBytes) != 0 || ::fsync(fd.get()) != 0) return fail(errno, file);
  }
  fd.reset();
  TRY_VOID(sync_path(path));
  TRY_VOID(sync_path(parent_of(path)));
  return open_directory_store(path, OpenAccess::read_write, wait_ms);
}

}  // namespace ciaos::store
