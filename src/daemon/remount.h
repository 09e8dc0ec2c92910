// `mount -o remount`: other flags for a mount that exists. The daemon that serves it goes on as it is.
#pragma once

#include <string>

#include "base/result.h"
#include "daemon/options.h"

namespace ciaos::daemon {

// EROFS: it was mounted read-only, and its daemon writes nothing, ever. Else what mount(2) says; contexts name the mountpoint.
Status remount(const std::string& mountpoint, const MountOptions& options);

}  // namespace ciaos::daemon
