// What a machine is configured to do: the file, then the environment, then the options of one mount; the last that speaks
// of something holds. All three end up as options, so that one table knows names, units and bounds. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "daemon/options.h"

namespace ciaos::daemon {

// One thing that the file or the environment may set. They have one key where the options have several words:
// atime = "relatime" is the option relatime, allow_other = false is noallow_other.
struct Setting {
  std::string key;
  std::string value;   // as an option would have it; of a boolean "true" or "false"
  std::string source;  // "/etc/ciaosfs.conf:3"
};

// EINVAL, with a context that names key and source, for what cannot be set there.
Result<std::vector<SourcedOption>> options_of(std::span<const Setting> settings);

// CIAOSFS_COMMIT=30 is commit = 30. Other variables of that beginning belong to somebody else and are passed over.
std::vector<Setting> settings_of_environment(std::span<const std::pair<std::string, std::string>> variables);

// A setting that holds, and who said so: a source as above, "option" or "default".
struct HeldSetting {
  std::string name;
  std::string
      value;  // as a file would spell it; of what a file cannot set, as the option has it; empty: depends on the mount
  std::string source;
  std::string unit;
};
// Everything that has a value, the keys of the file first.
std::vector<HeldSetting> held_settings(std::span<const SourcedOption> options);

// What holds after all of these and who said so, as a file that would say the same.
std::string print_configuration(std::span<const SourcedOption> options);

// For a test: the keys, in the order in which they are printed.
std::vector<std::string> configurable_keys();

}  // namespace ciaos::daemon
