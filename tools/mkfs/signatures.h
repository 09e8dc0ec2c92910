// What libblkid sees on a device: another filesystem, a RAID or LVM member, a partition table.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"

namespace ciaos::mkfs {

// For people: "an xfs filesystem", "a dos partition table"; nullopt for nothing known.
Result<std::optional<std::string>> find_signature(const std::string& path);
// Overwrites the magic of all that find_signature() could find, wherever on the device it lies, and syncs.
Status wipe_signatures(const std::string& path);

}  // namespace ciaos::mkfs
