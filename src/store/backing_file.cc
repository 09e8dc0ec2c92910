#include "store/backing_file.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <filesystem>
#include <fstream>
#include <system_error>

namespace ciaos::store {
namespace {

namespace fs = std::filesystem;

std::string first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

bool same_file(const std::string& a, const std::string& b) {
  struct stat one {};
  struct stat other {};
  return ::stat(a.c_str(), &one) == 0 && ::stat(b.c_str(), &other) == 0 && one.st_dev == other.st_dev &&
         one.st_ino == other.st_ino;
}

}  // namespace

std::optional<std::string> backing_file_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISBLK(status.st_mode)) return std::nullopt;
  const fs::path loop =
      fmt::format("/sys/dev/block/{}:{}/loop", major(status.st_rdev), minor(status.st_rdev));
  std::string file = first_line(loop / "backing_file");
  if (file.empty() || first_line(loop / "offset") != "0" || ::stat(file.c_str(), &status) != 0)
    return std::nullopt;
  return file;
}

Status check_not_attached(const std::string& path) {
  std::error_code error;
  for (fs::directory_iterator at("/sys/block", error), end; !error && at != end; at.increment(error)) {
    const std::string backing = first_line(at->path() / "loop" / "backing_file");
    if (backing.empty() || !same_file(backing, path)) continue;
    return fail(EBUSY, fmt::format("{} is attached to /dev/{} (use that, or detach it)", path,
                                   at->path().filename().string()));
  }
  return {};
}

}  // namespace ciaos::store
