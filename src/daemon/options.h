// What may follow -o: one table that parses, documents and prints. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "fuse/open_mode.h"
#include "fuse/rings.h"

namespace ciaos::daemon {

struct MountOptions {
  // index_directory stays empty unless the option was given: the default depends on the store.
  engine::Options engine;
  std::vector<std::string> devices;  // further devices of the store
  std::string backend;               // empty: as the environment says
  std::uint64_t mock_bytes = 256u << 20;
  std::uint64_t wait_seconds = 10;  // for another process to let the store go
  std::uint64_t slow_ms = 1000;     // requests that take this long are logged; 0: none
  bool debug = false;
  bool remount = false;  // change the flags of a mount that exists
  fuse::OpenMode open_mode = fuse::OpenMode::automatic;
  fuse::Rings rings = fuse::Rings::automatic;

  std::string socket;                   // of the local protocol; empty: its usual place; "none"
  std::optional<unsigned> socket_user;  // who may speak there besides root and the daemon's own user

  std::string subdir;  // of the store, shown as the root of the mount; empty: its root
  std::string fsname;  // empty: the store
  std::string subtype = "ciaosfs";
  std::optional<bool> allow_other;  // absent: only when root mounts
  std::vector<std::string>
      kernel;  // passed on to the mount, in order, so that the last of two opposites holds
};

// An option and where it was found, such as "/etc/ciaosfs.conf:3"; empty: on the command line.
struct SourcedOption {
  std::string text;
  std::string source;
};

// Of options that exclude each other the last holds. EINVAL, with a context that names the option and its source. `sloppy`:
// options of the command line that nobody knows are passed over.
Result<MountOptions> parse_options(std::span<const SourcedOption> options, bool sloppy);

// Everything the mount itself is asked for.
std::vector<std::string> fuse_options(const MountOptions& options, const std::string& store_name,
                                      bool as_root);

// Of every option that takes a value what it is without being given; some have none.
struct OptionPreset {
  std::string name;
  std::string value;
  std::string unit;
};
std::vector<OptionPreset> option_presets();

std::string help_text();

// "64M" is 64 << 20: K, M, G and T are powers of 1024. EINVAL.
Result<std::uint64_t> parse_bytes(std::string_view text);

}  // namespace ciaos::daemon
