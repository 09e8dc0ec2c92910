// CommandRing over liburing.
#pragma once

#include <memory>

#include "base/command_ring.h"

namespace ciaos::store {

Result<std::unique_ptr<CommandRing>> make_command_ring(unsigned entries);

}  // namespace ciaos::store
