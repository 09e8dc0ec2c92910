#include "tools/fsck/replace_index.h"

#include <fcntl.h>
#include <unistd.h>
#include <cstdio>

#include <filesystem>
#include <system_error>

#include "base/unique_fd.h"
#include "meta/index.h"
#include "tools/fsck/scratch.h"

namespace ciaos::fsck {
namespace {

namespace fs = std::filesystem;

Status sync_path(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) return fail(errno, path);
  return {};
}

Status sync_folder(const std::string& folder) {
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->is_regular_file(error)) TRY_VOID(sync_path(at->path().string()));
  }
  if (error) return fail(error.value(), folder);
  return sync_path(folder);
}

// An index with the scrubber's list beside it, and its folder, if nothing else is in there.
Status remove_index(const std::string& folder) {
  TRY_VOID(meta::Index::remove(folder));
  if (::unlink((folder + "/damaged").c_str()) != 0 && errno != ENOENT) return fail(errno, folder);
  if (::rmdir(folder.c_str()) != 0 && errno != ENOENT && errno != ENOTEMPTY) return fail(errno, folder);
  return {};
}

Status verify(const std::string& folder, const Uuid& store, const TxnRef& position) {
  const auto index = TRY(meta::Index::open(folder, store, meta::Index::Mode::read_only));
  meta::IndexReader reader = TRY(index->reader());
  const auto applied = TRY(reader.applied());
  if (!applied || *applied != position) return fail(EUCLEAN, folder + " is not what was built");
  return {};
}

// Both folders exist. Where the filesystem cannot exchange them there is a moment without an index, which a mount takes
// for one that has to be built.
Status swap_folders(const std::string& fresh, const std::string& old) {
  if (::renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, old.c_str(), RENAME_EXCHANGE) == 0) return {};
  if (errno != EINVAL && errno != ENOSYS) return fail(errno, "swapping " + fresh + " and " + old);
  const std::string aside = old + ".old";
  if (::rename(old.c_str(), aside.c_str()) != 0 || ::rename(fresh.c_str(), old.c_str()) != 0 ||
      ::rename(aside.c_str(), fresh.c_str()) != 0) {
    return fail(errno, "swapping " + fresh + " and " + old);
  }
  return {};
}

}  // namespace

Status replace_index(const std::string& built, const std::string& directory, const Uuid& store,
                     const TxnRef& position) {
  std::error_code error;
  // A link stays where it is; what it leads to is swapped.
  std::string place = fs::weakly_canonical(fs::absolute(directory, error), error).string();
  if (error) return fail(error.value(), directory);
  while (place.size() > 1 && place.back() == '/') place.pop_back();
  const std::string parent = fs::path(place).parent_path().string();
  const std::string fresh = place + ".fsck";
  fs::create_directories(parent, error);
  if (error) return fail(error.value(), parent);
  TRY_VOID(remove_index(fresh));
  TRY_VOID(copy_folder(built, fresh));
  const bool had_one = fs::is_directory(place, error);
  if (had_one) fs::permissions(fresh, fs::status(place, error).permissions(), error);
  TRY_VOID(sync_folder(fresh));
  TRY_VOID(verify(fresh, store, position));
  if (had_one) {
    TRY_VOID(swap_folders(fresh, place));
  } else if (::rename(fresh.c_str(), place.c_str()) != 0) {
    return fail(errno, "naming " + fresh + " " + place);
  }
  TRY_VOID(sync_path(parent));
  return had_one ? remove_index(fresh) : Status();
}

}  // namespace ciaos::fsck
