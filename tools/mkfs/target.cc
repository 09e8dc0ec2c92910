#include "tools/mkfs/target.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <filesystem>
#include <system_error>

#include "base/unique_fd.h"
#include "store/backing_file.h"
#include "store/device.h"
#include "store/owner_lock.h"
#include "store/volume_set.h"
#include "tools/mkfs/signatures.h"

namespace ciaos::mkfs {
namespace fs = std::filesystem;
namespace {

using Form = Target::Form;

std::string without_last_slash(const std::string& path) {
  const std::size_t end = path.find_last_not_of('/');
  return end == std::string::npos ? "/" : path.substr(0, end + 1);
}

Result<std::string> absolute_path(const std::string& path) {
  std::error_code error;
  const fs::path absolute = fs::absolute(without_last_slash(path), error);
  if (error) return fail(error.value(), path);
  return absolute.lexically_normal().string();
}

// Our own magic, at either end, readable or not: a damaged store is somebody's data, too.
Result<bool> holds_store_raw(const std::string& path) {
  auto device = store::open_store_device(path, store::OpenAccess::read_only, 0);
  if (!device.ok()) return std::move(device).error();
  for (const auto& copy : (*device)->read_superblock_copies()) {
    if (copy.code() != ENODATA) return true;
  }
  return false;
}

Result<Target> inspect_missing(Target target) {
  const fs::path parent = fs::path(target.path).parent_path();
  if (target.path.starts_with("/dev/")) return fail(ENOENT, target.path + ": there is no such device");
  std::error_code error;
  if (!fs::is_directory(parent, error)) {
    return fail(ENOENT,
                fmt::format("{}: there is no directory {} to make it in", target.path, parent.string()));
  }
  target.form = Form::new_directory;
  return target;
}

Result<Target> inspect_directory(Target target) {
  target.form = Form::directory;
  std::error_code error;
  for (fs::directory_iterator at(target.path, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name == "superblock") {
      target.holds_store = true;
      target.holds = "a ciaosfs store";
      return target;
    }
    // Every fresh ext4 has this one.
    if (name != "lost+found") target.holds = fmt::format("files ({})", name);
  }
  if (error) return fail(error.value(), target.path);
  return target;
}

Result<Target> inspect_raw(Target target) {
  auto store = holds_store_raw(target.path);
  if (!store.ok()) return std::move(store).error();
  if (*store) {
    target.holds_store = true;
    target.holds = "a ciaosfs store";
  } else if (auto signature = TRY(find_signature(target.path))) {
    target.holds = std::move(signature);
  }
  return target;
}

Result<Target> inspect_block_device(Target target) {
  target.form = Form::block_device;
  // The kernel knows who mounted it, or made a RAID, a volume group or swap of it.
  const UniqueFd fd(::open(target.path.c_str(), O_RDONLY | O_EXCL | O_CLOEXEC));
  if (!fd.valid() && errno == EBUSY) {
    return fail(EBUSY, target.path + " is mounted or otherwise in use; unmount it first");
  }
  if (!fd.valid()) return fail(errno, target.path);
  if (::ioctl(fd.get(), BLKGETSIZE64, &target.bytes) != 0) return fail(errno, target.path);
  return target;
}

Result<Target> inspect_image(Target target, const struct stat& status) {
  target.form = Form::image_file;
  target.bytes = static_cast<std::uint64_t>(status.st_size);
  TRY_VOID(store::check_not_attached(target.path));
  return target;
}

}  // namespace

Result<Target> inspect(const std::string& path) {
  if (path.empty()) return fail(EINVAL, "an empty path names no store");
  Target target;
  target.path = TRY(absolute_path(path));
  if (target.path == "/") return fail(EINVAL, "/ is everything that this machine has, and becomes no store");
  struct stat status {};
  if (::stat(target.path.c_str(), &status) != 0) {
    if (errno == ENOENT) return inspect_missing(std::move(target));
    return fail(errno, target.path);
  }
  const bool is_device = S_ISBLK(status.st_mode);
  target.device = is_device ? 0 : status.st_dev;
  target.inode = is_device ? status.st_rdev : status.st_ino;
  if (S_ISDIR(status.st_mode)) return inspect_directory(std::move(target));
  if (is_device) return inspect_raw(TRY(inspect_block_device(std::move(target))));
  if (S_ISREG(status.st_mode)) return inspect_raw(TRY(inspect_image(std::move(target), status)));
  return fail(EINVAL, target.path + " is neither a directory, nor a block device, nor an image file");
}

Status check_together(const std::vector<Target>& targets) {
  if (targets.empty() || targets.size() > store::kDevicesMax) {
    return fail(EINVAL, fmt::format("a store has between 1 and {} devices", store::kDevicesMax));
  }
  for (std::size_t i = 0; i < targets.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const Target& a = targets[j];
      const Target& b = targets[i];
      const bool same = a.path == b.path || (a.inode != 0 && a.device == b.device && a.inode == b.inode);
      if (same) return fail(EINVAL, fmt::format("{} and {} are the same", a.path, b.path));
      if (a.kind() != b.kind()) {
        return fail(EINVAL,
                    fmt::format("{} and {}: a store is made of directories or of devices, not of both",
                                a.path, b.path));
      }
    }
  }
  return {};
}

Status check_not_owned(const Target& target) {
  if (target.form == Form::new_directory) return {};
  if (target.form == Form::directory && !target.holds_store) return {};
  const std::string locked = target.form == Form::directory ? target.path + "/superblock" : target.path;
  const auto lock = store::OwnerLock::take(locked, store::OwnerLock::Mode::exclusive, 0);
  if (!lock.ok()) return lock.error();
  return {};
}

std::optional<std::string> filesystem_note(const Target& target) {
  if (target.kind() != store::StoreKind::directory) return std::nullopt;
  const std::string existing =
      target.form == Form::directory ? target.path : fs::path(target.path).parent_path().string();
  struct statfs host {};
  if (::statfs(existing.c_str(), &host) != 0 || host.f_type == XFS_SUPER_MAGIC) return std::nullopt;
  return target.path +
         " is not on XFS: contents are copied where XFS would share blocks, and commits may be slower";
}

}  // namespace ciaos::mkfs
