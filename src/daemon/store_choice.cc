#include "daemon/store_choice.h"

#include <fmt/core.h>

#include <algorithm>

namespace ciaos::daemon {
namespace {

// `path` is `folder`, or something below it.
bool is_within(const std::string& path, const std::string& folder) {
  if (!path.starts_with(folder)) return false;
  return folder.ends_with('/') || path.size() == folder.size() || path[folder.size()] == '/';
}

}  // namespace

Result<StoreChoice> choose_store(const CommandLine& line, const MountOptions& options,
                                 const Environment& environment) {
  StoreChoice choice;
  const std::string& name = options.backend.empty() ? environment.storage_backend : options.backend;
  if (name == "mock") {
    choice.backend = Backend::mock;
    return choice;
  }
  if (!name.empty() && name != "localxfs" && name != "local" && name != "xfs") {
    choice.warning = fmt::format("there is no backend {}; localxfs is taken", name);
  }
  choice.paths = line.stores;
  choice.paths.insert(choice.paths.end(), options.devices.begin(), options.devices.end());
  if (choice.paths.empty() && !environment.storage_directory.empty()) {
    choice.paths.push_back(environment.storage_directory);
  }
  if (choice.paths.empty()) return fail(EINVAL, "no store was given: name one, or set STORAGE_DIRECTORY");
  return choice;
}

Status check_named_once(std::vector<std::string> paths) {
  std::sort(paths.begin(), paths.end());
  const auto twice = std::adjacent_find(paths.begin(), paths.end());
  if (twice == paths.end()) return {};
  return fail(EINVAL, fmt::format("{} is named twice; the last path is the mountpoint", *twice));
}

std::string index_directory_of(const std::string& option, const store::Superblock& superblock,
                               const std::string& first_device) {
  if (!option.empty()) return option;
  if (!superblock.index_path.empty()) return superblock.index_path;
  if (superblock.kind == store::StoreKind::directory) return first_device + "/index";
  return "/var/lib/ciaosfs/" + to_string(superblock.uuid);
}

Status check_not_hidden(const std::string& mountpoint, const Needed& needed) {
  if (!is_within(needed.path, mountpoint)) return {};
  return fail(ELOOP,
              fmt::format("a mount on {} would hide its own {} {}", mountpoint, needed.what, needed.path));
}

Status check_apart(const std::string& mountpoint, const Needed& needed) {
  TRY_VOID(check_not_hidden(mountpoint, needed));
  if (!is_within(mountpoint, needed.path)) return {};
  return fail(ELOOP, fmt::format("{} lies inside of its own {} {}", mountpoint, needed.what, needed.path));
}

}  // namespace ciaos::daemon
