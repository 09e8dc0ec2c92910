// A device on paper: enough of one to plan a format, so that the plan is made, and may be refused, before anything exists.
#pragma once

#include <memory>

#include "store/volume_set.h"
#include "tools/mkfs/target.h"

namespace ciaos::mkfs {

// Knows its kind, name and capacity; everything else is EROFS.
std::unique_ptr<store::StoreDevice> paper_device(const Target& target);

}  // namespace ciaos::mkfs
