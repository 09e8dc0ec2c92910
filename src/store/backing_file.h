// A loop device and the file below it are one store by two names.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"

namespace ciaos::store {

// The file whose first byte is the first of the loop device at `path`. nullopt: no loop device, a partition of one or one
// that begins further on (there the file as a whole is no store), or a file that this process has no path to.
std::optional<std::string> backing_file_of(const std::string& path);

// EBUSY, naming the device, if the file at `path` is attached to a loop device: whoever writes to the file then changes
// that device under its user's feet.
Status check_not_attached(const std::string& path);

}  // namespace ciaos::store
