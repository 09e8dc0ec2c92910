// What a path on a command line is: a directory, a block device or an image file.
#include <fmt/core.h>
#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <system_error>
#include <vector>

#include "store/backing_file.h"
#include "store/directory_store_device.h"
#include "store/file_device.h"
#include "store/owner_lock.h"
#include "store/raw_store_device.h"

namespace ciaos::store {

namespace {

// Long enough for udev, which locks a disk while it looks at it.
constexpr std::uint64_t kFormatWaitMs = 1000;

// A loop device is locked and the file below it, too: that is where those meet who come by another name.
Result<std::vector<OwnerLock>> take_locks(const std::string& path, OwnerLock::Mode mode,
                                          std::uint64_t wait_ms) {
  std::vector<OwnerLock> locks;
  locks.push_back(TRY(OwnerLock::take(path, mode, wait_ms)));
  const std::optional<std::string> backing = backing_file_of(path);
  if (!backing) return locks;
  auto below = OwnerLock::take(*backing, mode, wait_ms);
  // Who may open the device and not the file can keep nobody out there; nor could a second one be let in by it.
  if (below.code() == EACCES || below.code() == EPERM) return locks;
  locks.push_back(TRY(std::move(below)));
  return locks;
}

Result<std::unique_ptr<StoreDevice>> open_raw(const std::string& path, OpenAccess access,
                                              std::uint64_t wait_ms) {
  const bool reading = access == OpenAccess::read_only;
  if (!reading) TRY_VOID(check_not_attached(path));
  std::vector<OwnerLock> locks =
      TRY(take_locks(path, reading ? OwnerLock::Mode::shared : OwnerLock::Mode::exclusive, wait_ms));
  std::unique_ptr<FileDevice> disk =
      TRY(FileDevice::open(path, reading ? FileDevice::Access::read_only : FileDevice::Access::read_write));
  return locked_raw_store_device(std::move(disk), access, std::move(locks));
}

// The folder of the store that the file at `path` is a volume or the superblock of; empty: of none.
std::string store_around(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path file = fs::canonical(path, error);
  const fs::path folder = file.parent_path();
  if (error) return "";
  if (file.filename() == "superblock" && fs::is_directory(folder / "volumes", error)) return folder.string();
  const bool volume =
      folder.filename() == "volumes" && fs::exists(folder.parent_path() / "superblock", error);
  return volume ? folder.parent_path().string() : "";
}

// Where a FIFO is opened, one waits for its other end.
Status check_kind(const std::string& path, const struct stat& status) {
  if (S_ISREG(status.st_mode)) {
    const std::string store = store_around(path);
    if (!store.empty()) return fail(ENOTBLK, fmt::format("{} is a part of the store {}", path, store));
    return {};
  }
  if (S_ISBLK(status.st_mode)) return {};
  return fail(EINVAL, path + " is no directory, no block device and no image file");
}

}  // namespace

Result<std::unique_ptr<StoreDevice>> open_store_device(const std::string& path, OpenAccess access,
                                                       std::uint64_t wait_ms) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return fail(errno, path);
  if (S_ISDIR(status.st_mode)) return open_directory_store(path, access, wait_ms);
  TRY_VOID(check_kind(path, status));
  return open_raw(path, access, wait_ms);
}

Result<std::unique_ptr<StoreDevice>> create_store_device(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) {
    if (!S_ISDIR(status.st_mode)) {
      TRY_VOID(check_kind(path, status));
      return open_raw(path, OpenAccess::read_write, kFormatWaitMs);
    }
  } else if (errno != ENOENT) {
    return fail(errno, path);
  }
  return create_directory_store(path, kFormatWaitMs);
}

}  // namespace ciaos::store
