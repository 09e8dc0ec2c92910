// Each superblock copy by itself, since opening a store looks at the best one only; then what the devices say together.
#include <algorithm>

#include "tools/fsck/check.h"

namespace ciaos::fsck {
namespace {

// What may differ between two copies of one counter: nothing. Between an older and a newer one: nothing that says which
// store this is, but that is a matter of the device as a whole, and opening the set compares it.
void check_copies(Check& check, store::StoreDevice& device) {
  const std::vector<Result<store::Superblock>> copies = device.read_superblock_copies();
  const store::Superblock* newest = nullptr;
  Error last_error = fail(ENODATA, "there is no copy at all");
  for (const auto& copy : copies) {
    if (!copy.ok()) last_error = copy.error();
    if (copy.ok() && (newest == nullptr || copy->counter > newest->counter)) newest = &*copy;
  }
  if (newest == nullptr) {
    check.report.add(
        {.problem = Problem::superblock_none_valid, .name = device.name(), .what = to_string(last_error)});
    return;
  }
  for (std::size_t i = 0; i < copies.size(); ++i) {
    if (!copies[i].ok()) {
      check.report.add({.problem = Problem::superblock_copy_damaged,
                        .name = device.name(),
                        .found = i + 1,
                        .what = to_string(copies[i].error())});
    } else if (copies[i]->counter < newest->counter) {
      check.report.add({.problem = Problem::superblock_copy_behind,
                        .name = device.name(),
                        .offset = i + 1,
                        .found = copies[i]->counter,
                        .expected = newest->counter});
    } else if (*copies[i] != *newest) {
      check.report.add(
          {.problem = Problem::superblock_copies_differ, .name = device.name(), .found = newest->counter});
    }
  }
}

std::string default_index_directory(const store::Superblock& superblock, const std::string& first_device) {
  if (!superblock.index_path.empty()) return superblock.index_path;
  if (superblock.kind == store::StoreKind::directory) return first_device + "/index";
  return "/var/lib/ciaosfs/" + to_string(superblock.uuid);
}

// The set, once there is one, holds the devices.
Status check_all_copies(Check& check) {
  for (const auto& device : check.devices) check_copies(check, *device);
  for (std::uint32_t i = 0; check.volumes != nullptr && i < check.volumes->device_count(); ++i) {
    check_copies(check, check.volumes->device(i));
  }
  return check.progress.step(0);
}

}  // namespace

Status pass1_superblocks(Check& check) {
  TRY_VOID(check_all_copies(check));
  if (check.report.fatal()) return {};
  if (check.volumes == nullptr) {
    auto volumes = store::VolumeSet::open(std::move(check.devices));
    if (!volumes.ok()) {
      check.report.add({.problem = Problem::devices_disagree, .what = to_string(volumes.error())});
      return {};
    }
    check.volumes = std::move(*volumes);
  }
  // What cannot be listed no mount can serve either.
  TRY(check.volumes->existing_volumes());
  check.superblock = check.volumes->superblock();
  check.index_directory = check.options.index_directory.empty()
                              ? default_index_directory(check.superblock, check.volumes->device(0).name())
                              : check.options.index_directory;
  return {};
}

}  // namespace ciaos::fsck
