#include "daemon/options.h"

#include <pwd.h>

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

namespace ciaos::daemon {
namespace {

constexpr std::uint64_t kMemoryBytesMin = 16u << 20;
constexpr std::uint64_t kMemoryBytesMax = 1ull << 40;
constexpr std::uint64_t kMockBytesMin = 64u << 20;
constexpr std::uint64_t kMockBytesMax = 1ull << 40;
constexpr std::uint64_t kCommitSecondsMax = 3600;
constexpr std::uint64_t kScrubSecondsMax = 10ull * 365 * 24 * 3600;
constexpr std::uint64_t kSlowMsMax = 3'600'000;
constexpr std::uint64_t kWaitSecondsMax = 24 * 3600;

Result<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return fail(EINVAL, "not a number");
  return number;
}

Result<std::uint64_t> within(Result<std::uint64_t> number, std::uint64_t least, std::uint64_t most) {
  if (number && (*number < least || *number > most)) {
    return fail(EINVAL, fmt::format("must be from {} to {}", least, most));
  }
  return number;
}

// How a row of the table acts: on what it was given, `name` or `name=value`.
struct Given {
  std::string_view name;
  std::string_view value;
  std::string_view text;
};
using Setter = Status (*)(MountOptions&, const Given&);

Status pass_on(MountOptions& options, const Given& given) {
  options.kernel.emplace_back(given.text);
  return {};
}

Status pass_over(MountOptions&, const Given&) { return {}; }

Status set_index(MountOptions& options, const Given& given) {
  options.engine.index_directory = given.value;
  return {};
}

Status set_read_only(MountOptions& options, const Given& given) {
  options.engine.read_only = given.name == "ro";
  return {};
}

Status set_commit(MountOptions& options, const Given& given) {
  options.engine.commit_interval_ms = 1000 * TRY(within(parse_number(given.value), 1, kCommitSecondsMax));
  return {};
}

// The shares in which the engine's defaults stand to each other.
Status set_memory(MountOptions& options, const Given& given) {
  const std::uint64_t bytes = TRY(within(parse_bytes(given.value), kMemoryBytesMin, kMemoryBytesMax));
  const engine::Options preset;
  const std::uint64_t whole = preset.dirty_bytes_max + preset.inode_cache_bytes + preset.header_cache_bytes;
  const auto share = [&](std::uint64_t part) {
    return static_cast<std::uint64_t>(static_cast<double>(bytes) * static_cast<double>(part) /
                                      static_cast<double>(whole));
  };
  options.engine.dirty_bytes_max = share(preset.dirty_bytes_max);
  options.engine.inode_cache_bytes = share(preset.inode_cache_bytes);
  options.engine.header_cache_bytes = share(preset.header_cache_bytes);
  return {};
}

Status set_compact(MountOptions& options, const Given& given) {
  options.engine.compact_bytes_per_second = TRY(parse_bytes(given.value));
  return {};
}

Status set_scrub(MountOptions& options, const Given& given) {
  options.engine.scrub_bytes_per_second = TRY(parse_bytes(given.value));
  return {};
}

Status set_scrub_interval(MountOptions& options, const Given& given) {
  options.engine.scrub_interval_seconds = TRY(within(parse_number(given.value), 0, kScrubSecondsMax));
  return {};
}

Status set_atime(MountOptions& options, const Given& given) {
  options.engine.atime = given.name == "noatime"    ? engine::AtimePolicy::none
                         : given.name == "relatime" ? engine::AtimePolicy::relative
                                                    : engine::AtimePolicy::strict;
  return {};
}

// The kernel is told, too: it waits for the pages of a write then.
Status set_sync(MountOptions& options, const Given& given) {
  if (given.name == "dirsync") {
    options.engine.sync_names = true;
  } else {
    options.engine.sync_all = given.name == "sync";
  }
  return pass_on(options, given);
}

Status set_scratch(MountOptions& options, const Given& given) {
  options.engine.scratch_directory = given.value;
  return {};
}

Status add_device(MountOptions& options, const Given& given) {
  options.devices.emplace_back(given.value);
  return {};
}

Status set_wait(MountOptions& options, const Given& given) {
  options.wait_seconds = TRY(within(parse_number(given.value), 0, kWaitSecondsMax));
  return {};
}

Status set_backend(MountOptions& options, const Given& given) {
  options.backend = given.value;
  return {};
}

Status set_mock_bytes(MountOptions& options, const Given& given) {
  options.mock_bytes = TRY(within(parse_bytes(given.value), kMockBytesMin, kMockBytesMax));
  return {};
}

Status set_socket(MountOptions& options, const Given& given) {
  if (given.value != "none" && !given.value.starts_with('/'))
    return fail(EINVAL, "an absolute path, or none");
  options.socket = given.value;
  return {};
}

Status set_socket_user(MountOptions& options, const Given& given) {
  const std::string name(given.value);
  const auto number = parse_number(given.value);
  if (number && *number < UINT32_MAX) {
    options.socket_user = static_cast<unsigned>(*number);
    return {};
  }
  const passwd* user = ::getpwnam(name.c_str());
  if (user == nullptr) return fail(EINVAL, "there is no such user");
  options.socket_user = user->pw_uid;
  return {};
}

Status set_allow_other(MountOptions& options, const Given& given) {
  options.allow_other = given.name == "allow_other";
  return {};
}

Status set_subdir(MountOptions& options, const Given& given) {
  options.subdir = given.value;
  return {};
}

Status set_fsname(MountOptions& options, const Given& given) {
  options.fsname = given.value;
  return {};
}

Status set_subtype(MountOptions& options, const Given& given) {
  options.subtype = given.value;
  return {};
}

Status set_slow(MountOptions& options, const Given& given) {
  options.slow_ms = TRY(within(parse_number(given.value), 0, kSlowMsMax));
  return {};
}

Status set_debug(MountOptions& options, const Given&) {
  options.debug = true;
  return {};
}

Status set_open_mode(MountOptions& options, const Given& given) {
  if (given.value == "auto") {
    options.open_mode = fuse::OpenMode::automatic;
  } else if (given.value == "cached") {
    options.open_mode = fuse::OpenMode::cached;
  } else if (given.value == "passthrough") {
    options.open_mode = fuse::OpenMode::passthrough;
  } else if (given.value == "none") {
    options.open_mode = fuse::OpenMode::none;
  } else {
    return fail(EINVAL, "must be auto, cached, passthrough or none");
  }
  options.engine.opens_untold = options.open_mode == fuse::OpenMode::none;
  return {};
}

Status set_rings(MountOptions& options, const Given& given) {
  if (given.value != "auto" && given.value != "on" && given.value != "off")
    return fail(EINVAL, "must be auto, on or off");
  options.rings = given.value == "auto" ? fuse::Rings::automatic
                  : given.value == "on" ? fuse::Rings::on
                                        : fuse::Rings::off;
  return {};
}

Status set_remount(MountOptions& options, const Given&) {
  options.remount = true;
  return {};
}

struct Row {
  std::string_view names;  // alternatives, separated by spaces; "x-*" is every name that begins so
  std::string_view unit;   // empty: takes no value
  Setter set;
  std::string_view preset;
  std::string_view text;
};

constexpr Row kRows[] = {
    {"rw ro", "", set_read_only, "rw", "write to the store, or not one byte"},
    {"commit", "SECONDS", set_commit, "5",
     "what is not fsynced is durable after this time at the latest; 1 to 3600"},
    {"mem", "BYTES", set_memory, "352M",
     "memory for written data and caches, together; K, M, G, T; 16M to 1T"},
    {"compact", "BYTES", set_compact, "64M",
     "how much is moved a second to free space; 0: only when the store is full"},
    {"scrub", "BYTES", set_scrub, "16M", "how much is read a second to find damage; 0: never"},
    {"scrub_interval", "SECONDS", set_scrub_interval, "604800",
     "from the begin of one reading of everything to that of the next"},
    {"noatime relatime strictatime", "", set_atime, "noatime", "when reading a file changes its access time"},
    {"index", "DIR", set_index, "as mkfs said", "where the index is kept; it can be deleted and is rebuilt"},
    {"scratch", "DIR", set_scratch, "/var/tmp", "with ro: where a private copy of the index may be put"},
    {"device", "PATH", add_device, "", "a further device or directory of the store; may be repeated"},
    {"wait", "SECONDS", set_wait, "10",
     "how long to wait for a store that another process has open; at most 86400"},
    {"backend", "NAME", set_backend, "localxfs",
     "localxfs, local or xfs; or mock: a store in memory, empty at each mount"},
    {"size", "BYTES", set_mock_bytes, "256M", "how large a mock store is; 64M to 1T"},
    {"open", "HOW", set_open_mode, "auto",
     "auto: files of a read-only mount are read without being opened, or passed through if they are large; "
     "cached, passthrough: neither or the one; none: never opened"},
    {"rings", "WHEN", set_rings, "auto",
     "requests over io_uring: auto, if the kernel's switch for it is on; on: turns it on, as root; or off"},
    {"socket", "PATH", set_socket, "/run/ciaosfs/UUID.sock",
     "where programs reach the daemon; a user's own is below $XDG_RUNTIME_DIR; none: nowhere"},
    {"socket_user", "USER", set_socket_user, "",
     "who may use the socket besides root and the daemon's own user"},
    {"allow_other noallow_other", "", set_allow_other, "for root's mounts", "whether other users may enter"},
    {"subdir", "PATH", set_subdir, "", "a directory of the store that is the root of the mount"},
    {"fsname", "TEXT", set_fsname, "the store", "the source that mount(8) and df(1) show"},
    {"subtype", "TEXT", set_subtype, "ciaosfs", "the type is shown as fuse.TEXT"},
    {"dev nodev suid nosuid exec noexec", "", pass_on, "dev,suid,exec",
     "as mount(8) says; a user's mount is nodev,nosuid"},
    {"async sync dirsync", "", set_sync, "async",
     "sync: every change, dirsync: every change of a name, is durable when the call returns"},
    {"slow", "MILLISECONDS", set_slow, "1000", "requests that take this long are logged; 0: none"},
    {"debug", "", set_debug, "", "log more"},
    {"default_permissions", "", pass_over, "", "always so"},
    {"remount", "", set_remount, "", "of mount(8): other flags for a mount that exists, such as ro"},
    {"defaults auto noauto user nouser users owner group nofail _netdev silent loud mand nomand diratime "
     "nodiratime",
     "", pass_over, "", "passed over: they are for mount(8) and init"},
    {"comment uhelper", "TEXT", pass_over, "", "passed over"},
    {"x-* X-*", "", pass_over, "", "passed over"},
};

bool is_named(const Row& row, std::string_view name) {
  std::string_view rest = row.names;
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    if (one == name || (one.ends_with('*') && name.starts_with(one.substr(0, one.size() - 1)))) return true;
  }
  return false;
}

bool takes_any_form(const Row& row) { return row.names.ends_with('*'); }

Status set_option(MountOptions& options, const std::string& text, bool sloppy) {
  const std::size_t equals = text.find('=');
  const bool has_value = equals != std::string::npos;
  const std::string_view whole = text;
  const Given given{.name = whole.substr(0, equals),
                    .value = has_value ? whole.substr(equals + 1) : std::string_view(),
                    .text = whole};
  const auto* row =
      std::find_if(std::begin(kRows), std::end(kRows), [&](const Row& r) { return is_named(r, given.name); });
  if (row == std::end(kRows)) {
    if (sloppy) return {};
    return fail(EINVAL, fmt::format("unknown mount option {}", given.name));
  }
  if (!takes_any_form(*row) && row->unit.empty() && has_value) {
    return fail(EINVAL, fmt::format("mount option {} takes no value", given.name));
  }
  if (!row->unit.empty() && given.value.empty()) {
    return fail(EINVAL,
                fmt::format("mount option {} needs a value: {}={}", given.name, given.name, row->unit));
  }
  const Status status = row->set(options, given);
  if (!status) return with_context(status.error(), fmt::format("mount option {}", text));
  return {};
}

}  // namespace

Result<std::uint64_t> parse_bytes(std::string_view text) {
  constexpr std::string_view kSuffixes = "KMGT";
  unsigned shift = 0;
  if (!text.empty()) {
    const auto suffix = kSuffixes.find(static_cast<char>(text.back() & ~0x20));
    if (suffix != std::string_view::npos) {
      shift = 10 * (static_cast<unsigned>(suffix) + 1);
      text.remove_suffix(1);
    }
  }
  const auto number = parse_number(text);
  if (!number || *number > (UINT64_MAX >> shift)) return fail(EINVAL, "not a number of bytes");
  return *number << shift;
}

Result<MountOptions> parse_options(std::span<const SourcedOption> options, bool sloppy) {
  MountOptions parsed;
  for (const SourcedOption& option : options) {
    const Status status = set_option(parsed, option.text, sloppy && option.source.empty());
    if (!status && !option.source.empty()) return with_context(status.error(), option.source);
    TRY_VOID(status);
  }
  return parsed;
}

std::vector<std::string> fuse_options(const MountOptions& options, const std::string& store_name,
                                      bool as_root) {
  std::vector<std::string> out{"default_permissions"};
  out.push_back("fsname=" + (options.fsname.empty() ? store_name : options.fsname));
  out.push_back("subtype=" + options.subtype);
  out.emplace_back(options.engine.read_only ? "ro" : "rw");
  if (options.allow_other.value_or(as_root)) out.emplace_back("allow_other");
  if (options.engine.atime == engine::AtimePolicy::none) out.emplace_back("noatime");
  // libfuse presumes nodev and nosuid, which is right for users; what root mounts is a filesystem like others.
  if (as_root) out.insert(out.end(), {"dev", "suid"});
  out.insert(out.end(), options.kernel.begin(), options.kernel.end());
  return out;
}

std::vector<OptionPreset> option_presets() {
  std::vector<OptionPreset> presets;
  for (const Row& row : kRows) {
    if (row.unit.empty() || row.set == pass_over) continue;
    presets.push_back({std::string(row.names), std::string(row.preset), std::string(row.unit)});
  }
  return presets;
}

std::string help_text() {
  std::string text =
      "usage: ciaosfs [STORE...] MOUNTPOINT [-f] [-d] [-o OPTION[,OPTION...]]...\n"
      "       ciaosfs --no-mount [STORE...] [-f] [-d] [-o OPTION[,OPTION...]]...\n"
      "       mount -t fuse.ciaosfs STORE MOUNTPOINT [-o OPTION[,OPTION...]]\n"
      "\n"
      "Mounts a store that mkfs.ciaos has made. Several STOREs are the devices of one store, in any order. "
      "Without\n"
      "one, the environment variable STORAGE_DIRECTORY names it, and STORAGE_BACKEND the backend.\n"
      "\n"
      "  --no-mount     own the store for programs that use its socket, and mount nothing\n"
      "  -f             stay in the foreground; log to standard error\n"
      "  -d             -f, and log more\n"
      "  -o OPTION      mount options, see below\n"
      "  --print-config show what file, environment and options say together, and mount nothing\n"
      "  -h, --help     this text\n"
      "  -V, --version  the version\n"
      "\n"
      "Mount options:\n";
  for (const Row& row : kRows) {
    std::string left(row.names);
    if (!row.unit.empty()) left += fmt::format("={}", row.unit);
    if (left.size() > 28) {
      text += fmt::format("  {}\n", left);
      left.clear();
    }
    text += fmt::format("  {:28}  {}", left, row.text);
    if (!row.preset.empty()) text += fmt::format(" (default: {})", row.preset);
    text += '\n';
  }
  return text;
}

}  // namespace ciaos::daemon
