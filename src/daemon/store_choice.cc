#include "daemon/store_choice.h"

#include <fmt/core.h>

namespace ciaos::daemon {

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

std::string index_directory_of(const std::string& option, const store::Superblock& superblock,
                               const std::string& first_device) {
  if (!option.empty()) return option;
  if (!superblock.index_path.empty()) return superblock.index_path;
  if (superblock.kind == store::StoreKind::directory) return first_device + "/index";
  return "/var/lib/ciaosfs/" + to_string(superblock.uuid);
}

bool hides(const std::string& mountpoint, const std::string& store) {
  if (!store.starts_with(mountpoint)) return false;
  return mountpoint.ends_with('/') || store.size() == mountpoint.size() || store[mountpoint.size()] == '/';
}

}  // namespace ciaos::daemon
