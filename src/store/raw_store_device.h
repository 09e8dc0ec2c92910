// A raw store device that is locked for its owner. Private to opening; see volume_set.h for the public ways.
#pragma once

#include <memory>
#include <vector>

#include "store/owner_lock.h"
#include "store/volume_set.h"

namespace ciaos::store {

std::unique_ptr<StoreDevice> locked_raw_store_device(std::shared_ptr<Device> device, OpenAccess access,
                                                     std::vector<OwnerLock> locks);

}  // namespace ciaos::store
