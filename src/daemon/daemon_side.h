// What control verbs are told that the engine does not know: the mount, and what the daemon was configured to do.
#pragma once

#include "daemon/serve.h"
#include "fuse/server.h"
#include "rpc/control.h"

namespace ciaos::daemon {

// `server` is null where nothing is mounted. Both outlive whoever answers.
rpc::DaemonSide daemon_side(const Plan& plan, fuse::FuseServer* server);

}  // namespace ciaos::daemon
