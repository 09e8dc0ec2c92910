// The life of the daemon: opens the store, mounts, serves, closes.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "daemon/announcement.h"
#include "daemon/options.h"
#include "daemon/store_choice.h"

namespace ciaos::daemon {

// What was asked for, checked as far as it can be without opening anything.
struct Plan {
  StoreChoice store;       // absolute paths
  std::string store_name;  // for messages, and for the list of mounts
  std::string mountpoint;  // absolute; empty: nothing is mounted
  MountOptions options;
  std::vector<SourcedOption> given;  // what the options were made of, for who asks what holds
};

// Looks the paths up, and refuses where nothing could be mounted, or what would hide the store.
std::variant<Plan, Failure> make_plan(const CommandLine& line, const MountOptions& options,
                                      const Environment& environment);

// Returns when the mount has ended and everything is flushed. Tells `announcement` when the mount answers, or why it
// will not. REQUIRES: no other threads.
ExitCode serve(const Plan& plan, Announcement& announcement);

}  // namespace ciaos::daemon
