// ciaosfs.conf: TOML, one table for each program.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "daemon/configuration.h"

namespace ciaos::daemon {

inline constexpr const char* kConfigurationFile = "/etc/ciaosfs.conf";

// The keys of [mount] in the order of their lines; other programs' tables are theirs. EINVAL, with a context that names file
// and line, for what is no TOML and what no program knows; ENOENT and what else keeps a file from being read.
Result<std::vector<Setting>> read_configuration(const std::string& path);

}  // namespace ciaos::daemon
