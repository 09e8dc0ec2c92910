#include "engine/index_reserve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>

#include "base/unique_fd.h"

namespace ciaos::engine {
namespace {

constexpr std::uint64_t kShareOfHost = 32;  // of a small filesystem no more than this part is kept

}  // namespace

IndexReserve::IndexReserve(const std::string& index_directory, std::uint64_t bytes)
    : path_(index_directory + "/" + kIndexReserveName), bytes_(bytes), held_(bytes == 0) {
  struct stat there {};
  if (bytes_ > 0 && stat(path_.c_str(), &there) == 0) held_ = there.st_size > 0;
}

Status IndexReserve::hold() {
  if (held_) return {};
  const UniqueFd file(open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!file.valid()) return fail(errno, path_);
  struct statvfs host {};
  if (fstatvfs(file.get(), &host) != 0) return fail(errno, path_);
  const std::uint64_t bytes = std::min<std::uint64_t>(bytes_, host.f_blocks * host.f_frsize / kShareOfHost);
  // Filesystems that cannot allocate ahead (EOPNOTSUPP) keep nothing back, and nothing can be held back for them.
  if (fallocate(file.get(), 0, 0, static_cast<off_t>(std::max<std::uint64_t>(bytes, 1))) != 0 &&
      errno != EOPNOTSUPP) {
    const Error error = fail(errno, path_);
    unlink(path_.c_str());
    return error;
  }
  held_ = true;
  return {};
}

bool IndexReserve::give() {
  if (bytes_ == 0 || !held_.exchange(false)) return false;
  unlink(path_.c_str());
  return true;
}

}  // namespace ciaos::engine
