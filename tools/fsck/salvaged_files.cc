#include "tools/fsck/salvaged_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace ciaos::fsck {
namespace {

Status answer(int returned, const std::string& path) {
  return returned == 0 ? Status() : Status(fail(errno, path));
}

}  // namespace

Status make_folder(const std::string& path) { return answer(::mkdir(path.c_str(), 0700), path); }

Status make_empty_file(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  return answer(fd.valid() ? 0 : -1, path);
}

Status make_symlink(const std::string& path, const std::string& target) {
  return answer(::symlink(target.c_str(), path.c_str()), path);
}

Status make_special(const std::string& path, const meta::InodeRow& row) {
  return answer(::mknod(path.c_str(), (row.mode & S_IFMT) | 0600, row.device), path);
}

Status make_link(const std::string& old_path, const std::string& path) {
  return answer(::link(old_path.c_str(), path.c_str()), path);
}

Status write_at(const std::string& path, std::uint64_t offset, ByteSpan bytes) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) return fail(errno, path);
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return fail(count < 0 ? errno : EIO, path);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

Status set_size(const std::string& path, std::uint64_t bytes) {
  return answer(::truncate(path.c_str(), static_cast<off_t>(bytes)), path);
}

Status set_attribute(const std::string& path, const std::string& name, const std::string& value) {
  return answer(::lsetxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0), path + ": " + name);
}

Status dress(const std::string& path, const meta::InodeRow& row) {
  // Only root may give files away; what others salvage is theirs.
  if (::geteuid() == 0) TRY_VOID(answer(::lchown(path.c_str(), row.uid, row.gid), path));
  if (!S_ISLNK(row.mode)) TRY_VOID(answer(::chmod(path.c_str(), row.mode & 07777), path));
  const auto as_timespec = [](const Timestamp& time) {
    return timespec{static_cast<time_t>(time.seconds), static_cast<long>(time.nanoseconds)};
  };
  const timespec times[2] = {as_timespec(row.accessed), as_timespec(row.modified)};
  return answer(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), path);
}

std::string unused(const std::string& path) {
  struct stat there {};
  std::string free = path;
  for (int attempt = 2; ::lstat(free.c_str(), &there) == 0; ++attempt)
    free = fmt::format("{}-{}", path, attempt);
  return free;
}

}  // namespace ciaos::fsck
