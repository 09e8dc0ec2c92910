#include "daemon/temporary_directory.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <vector>

namespace ciaos::daemon {
namespace {

namespace fs = std::filesystem;

// A folder may be made and not yet locked when somebody takes it for one that was left: then another is made.
constexpr int kAttemptsMax = 16;

// Invalid if somebody holds it, or there is no such folder of ours. The parent may be everybody's to write, so neither a
// link nor another user's folder is followed.
UniqueFd locked(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat opened {};
  if (!fd.valid() || ::fstat(fd.get(), &opened) != 0 || opened.st_uid != ::geteuid()) return UniqueFd();
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return UniqueFd();
  struct stat named {};
  const bool still_there =
      ::lstat(path.c_str(), &named) == 0 && named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
  return still_there ? std::move(fd) : UniqueFd();
}

void remove_left(const std::string& parent, std::string_view prefix) {
  std::error_code error;
  std::vector<std::string> left;
  for (fs::directory_iterator at(parent, error), end; !error && at != end; at.increment(error)) {
    if (at->path().filename().string().starts_with(prefix)) left.push_back(at->path().string());
  }
  for (const std::string& path : left) {
    std::error_code ignored;  // what cannot be removed is in nobody's way
    if (const UniqueFd lock = locked(path); lock.valid()) fs::remove_all(path, ignored);
  }
}

}  // namespace

Result<TemporaryDirectory> TemporaryDirectory::make(const std::string& parent, std::string_view prefix) {
  remove_left(parent, prefix);
  TemporaryDirectory made;
  for (int attempt = 0; attempt < kAttemptsMax && !made.lock_.valid(); ++attempt) {
    made.path_ = parent + "/" + std::string(prefix) + "XXXXXX";
    if (::mkdtemp(made.path_.data()) == nullptr) {
      made.path_.clear();
      return fail(errno, "cannot make a scratch folder in " + parent);
    }
    made.lock_ = locked(made.path_);
  }
  if (!made.lock_.valid()) return fail(EBUSY, "cannot lock a scratch folder in " + parent);
  return made;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

}  // namespace ciaos::daemon
