// The two copies of a superblock on one device. Private to the store devices.
//
// Whatever moment the power goes, one copy stays valid: copies are written one after the other, each synced, and the
// worse one first, so that the only good copy is never the one in flight.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "store/device.h"
#include "store/superblock.h"

namespace ciaos::store {

struct SuperblockPlaces {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
};

std::vector<Result<Superblock>> read_copies(Device& device, const SuperblockPlaces& places);
// The valid one with the highest counter. ENOTSUP if any copy is newer than this program: writing beside it would
// undo an upgrade. Else, without a valid one: EIO, EUCLEAN, ENODATA, the first of these that a copy answered.
Result<Superblock> newest_of(const std::vector<Result<Superblock>>& copies, const std::string& device_name);
Status write_copies(Device& device, const SuperblockPlaces& places, const Superblock& superblock);
// Zeros in both places, synced.
Status wipe_copies(Device& device, const SuperblockPlaces& places);

}  // namespace ciaos::store
