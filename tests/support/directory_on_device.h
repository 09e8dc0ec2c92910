// A directory store in miniature on one device, so that what is done to volume files (punching, unlinking) meets the crashes
// of a CrashDevice. Files are frames of the device; which file lies in which frame is in a table that changes as a journaling
// filesystem's directory does: whole or not at all, and durably.
#pragma once

#include <memory>

#include "store/volume_set.h"

namespace ciaos::test {

// REQUIRES: a device of StoreShape::device_bytes().
std::unique_ptr<store::StoreDevice> directory_on_device(std::shared_ptr<store::Device> device);

}  // namespace ciaos::test
