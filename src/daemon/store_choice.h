// Which store is meant, by command line and environment, and where its index belongs. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "daemon/command_line.h"
#include "daemon/options.h"
#include "store/superblock.h"

namespace ciaos::daemon {

enum class Backend { local, mock };

struct Environment {
  std::string storage_directory;  // STORAGE_DIRECTORY
  std::string storage_backend;    // STORAGE_BACKEND
  std::string configuration;      // CIAOSFS_CONFIG: a file that must be there, in place of the usual one
  std::vector<std::pair<std::string, std::string>> settings;  // all variables CIAOSFS_*
};

struct StoreChoice {
  Backend backend = Backend::local;
  std::vector<std::string> paths;  // none for mock
  std::string warning;             // to be logged, if not empty
};

// EINVAL when no store is named. A backend that nobody knows is taken as localxfs, with a warning.
Result<StoreChoice> choose_store(const CommandLine& line, const MountOptions& options,
                                 const Environment& environment);

// EINVAL: the second would wait for the first. Absolute paths without symlinks.
Status check_named_once(std::vector<std::string> paths);

// In this order: what the option says, what mkfs wrote into the superblock, inside a directory store, and for a raw one
// a place that the machine keeps for it.
std::string index_directory_of(const std::string& option, const store::Superblock& superblock,
                               const std::string& first_device);

// Something that the daemon opens files in while it serves.
struct Needed {
  std::string_view what;  // "store"
  std::string path;       // absolute, without symlinks
};

// ELOOP with its reason, if a mount on `mountpoint` would hide it, or would lie inside of it: there the daemon would have to
// ask itself, and wait for ever. An absolute path without symlinks.
Status check_apart(const std::string& mountpoint, const Needed& needed);
// The same for a folder that other things may lie in, too.
Status check_not_hidden(const std::string& mountpoint, const Needed& needed);

}  // namespace ciaos::daemon
