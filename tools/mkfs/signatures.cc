#include "tools/mkfs/signatures.h"

#include <blkid/blkid.h>
#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <type_traits>

#include "base/unique_fd.h"

namespace ciaos::mkfs {
namespace {

using Probe = std::unique_ptr<std::remove_pointer_t<blkid_probe>, decltype(&blkid_free_probe)>;

// More signatures than any device has on top of each other; a device that does not forget must not keep us.
constexpr int kSignaturesMax = 128;

Result<Probe> open_probe(int fd, const std::string& path) {
  Probe probe(blkid_new_probe(), blkid_free_probe);
  if (probe == nullptr) return fail(ENOMEM, path);
  if (blkid_probe_set_device(probe.get(), fd, 0, 0) != 0) return fail(EIO, "cannot look at " + path);
  blkid_probe_enable_superblocks(probe.get(), 1);
  blkid_probe_set_superblocks_flags(probe.get(), BLKID_SUBLKS_TYPE | BLKID_SUBLKS_USAGE | BLKID_SUBLKS_MAGIC);
  blkid_probe_enable_partitions(probe.get(), 1);
  blkid_probe_set_partitions_flags(probe.get(), BLKID_PARTS_MAGIC | BLKID_PARTS_FORCE_GPT);
  return probe;
}

std::string value_of(blkid_probe probe, const char* name) {
  const char* value = nullptr;
  return blkid_probe_lookup_value(probe, name, &value, nullptr) == 0 ? value : "";
}

}  // namespace

Result<std::optional<std::string>> find_signature(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return fail(errno, path);
  const Probe probe = TRY(open_probe(fd.get(), path));
  // Not the "safe" probe: what it finds ambiguous is not free either.
  const int found = blkid_do_probe(probe.get());
  if (found < 0) return fail(EIO, "cannot look at " + path);
  if (found != 0) return std::optional<std::string>();
  if (const std::string table = value_of(probe.get(), "PTTYPE"); !table.empty()) {
    return std::optional("a partition table (" + table + ")");
  }
  const std::string type = value_of(probe.get(), "TYPE");
  const std::string kind = value_of(probe.get(), "USAGE") == "filesystem" ? "a filesystem" : "a signature";
  return std::optional(kind + " (" + (type.empty() ? "unknown" : type) + ")");
}

Status wipe_signatures(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd.valid()) return fail(errno, path);
  const Probe probe = TRY(open_probe(fd.get(), path));
  for (int i = 0; i < kSignaturesMax && blkid_do_probe(probe.get()) == 0; ++i) {
    if (blkid_do_wipe(probe.get(), 0) != 0) return fail(EIO, "cannot wipe the old signature on " + path);
  }
  if (::fsync(fd.get()) != 0) return fail(EIO, "fsync " + path);
  return {};
}

}  // namespace ciaos::mkfs
