// What a path on a command line is: a directory, a block device or an image file.
#include <sys/stat.h>

#include "store/directory_store_device.h"
#include "store/file_device.h"
#include "store/owner_lock.h"
#include "store/raw_store_device.h"

namespace ciaos::store {

namespace {

// Long enough for udev, which locks a disk while it looks at it.
constexpr std::uint64_t kFormatWaitMs = 1000;

Result<std::unique_ptr<StoreDevice>> open_raw(const std::string& path, OpenAccess access,
                                              std::uint64_t wait_ms) {
  const bool reading = access == OpenAccess::read_only;
  OwnerLock lock =
      TRY(OwnerLock::take(path, reading ? OwnerLock::Mode::shared : OwnerLock::Mode::exclusive, wait_ms));
  std::unique_ptr<FileDevice> disk =
      TRY(FileDevice::open(path, reading ? FileDevice::Access::read_only : FileDevice::Access::read_write));
  return locked_raw_store_device(std::move(disk), access, std::move(lock));
}

}  // namespace

Result<std::unique_ptr<StoreDevice>> open_store_device(const std::string& path, OpenAccess access,
                                                       std::uint64_t wait_ms) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return fail(errno, path);
  if (S_ISDIR(status.st_mode)) return open_directory_store(path, access, wait_ms);
  return open_raw(path, access, wait_ms);
}

Result<std::unique_ptr<StoreDevice>> create_store_device(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) {
    if (!S_ISDIR(status.st_mode)) return open_raw(path, OpenAccess::read_write, kFormatWaitMs);
  } else if (errno != ENOENT) {
    return fail(errno, path);
  }
  return create_directory_store(path, kFormatWaitMs);
}

}  // namespace ciaos::store
