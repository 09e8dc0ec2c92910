#include "tools/fsck/scratch.h"

#include <stdlib.h>

#include <filesystem>
#include <system_error>
#include <utility>

namespace ciaos::fsck {
namespace fs = std::filesystem;

Result<ScratchFolder> ScratchFolder::make(const std::string& parent) {
  std::string path = parent;
  if (path.empty()) {
    const char* set = ::getenv("TMPDIR");
    path = set != nullptr && *set != '\0' ? set : "/var/tmp";
  }
  path += "/ciaos-fsck.XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return fail(errno, "cannot make a scratch folder " + path);
  return ScratchFolder(path);
}

ScratchFolder& ScratchFolder::operator=(ScratchFolder&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;  // what cannot be removed now is left to whoever cleans the temporary folder
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

Status copy_folder(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::create_directory(to, error);
  if (error) return fail(error.value(), to);
  for (fs::directory_iterator at(from, error), end; !error && at != end; at.increment(error)) {
    // The room that the daemon keeps for the index is no part of it.
    if (!at->is_regular_file(error) || at->path().filename() == "reserve") continue;
    fs::copy_file(at->path(), fs::path(to) / at->path().filename(), error);
    if (error) return fail(error.value(), "copying " + at->path().string() + " to " + to);
  }
  if (error) return fail(error.value(), from);
  return {};
}

}  // namespace ciaos::fsck
