#include "daemon/remount.h"

#include <fcntl.h>
#include <sys/mount.h>

#include <algorithm>
#include <iterator>

#include "base/unique_fd.h"

namespace ciaos::daemon {
namespace {

struct FlagOption {
  std::string_view name;
  unsigned long flag;
  bool sets;
};

constexpr FlagOption kFlagOptions[] = {
    {"nosuid", MS_NOSUID, true},    {"suid", MS_NOSUID, false},       {"nodev", MS_NODEV, true},
    {"dev", MS_NODEV, false},       {"noexec", MS_NOEXEC, true},      {"exec", MS_NOEXEC, false},
    {"sync", MS_SYNCHRONOUS, true}, {"async", MS_SYNCHRONOUS, false}, {"dirsync", MS_DIRSYNC, true},
};

unsigned long flags_of(const MountOptions& options) {
  unsigned long flags = 0;
  if (options.engine.atime == engine::AtimePolicy::none) flags |= MS_NOATIME;
  for (const std::string& option : options.kernel) {
    const auto* row = std::ranges::find(kFlagOptions, option, &FlagOption::name);
    if (row == std::end(kFlagOptions)) continue;
    flags = row->sets ? flags | row->flag : flags & ~row->flag;
  }
  return flags;
}

Status set_flags(const std::string& mountpoint, unsigned long flags) {
  if (::mount(nullptr, mountpoint.c_str(), nullptr, MS_REMOUNT | flags, nullptr) == 0) return {};
  return fail(errno, mountpoint);
}

// Only the daemon knows: what the kernel shows is the flag that has just been taken away.
bool daemon_only_reads(const std::string& mountpoint) {
  const UniqueFd unnamed(::open(mountpoint.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  return !unnamed.valid() && errno == EROFS;
}

}  // namespace

Status remount(const std::string& mountpoint, const MountOptions& options) {
  const unsigned long flags = flags_of(options);
  if (options.engine.read_only) return set_flags(mountpoint, flags | MS_RDONLY);
  TRY_VOID(set_flags(mountpoint, flags));
  if (!daemon_only_reads(mountpoint)) return {};
  TRY_VOID(set_flags(mountpoint, flags | MS_RDONLY));
  return fail(EROFS, mountpoint);
}

}  // namespace ciaos::daemon
