// Control verbs: what `ciaosctl` asks of a daemon and has it do. All are for root and the daemon's own user; those that
// answer with figures alone (`metrics`, `overview`, `volume-map`) are for the sidecar's as well.
//
// Nothing here takes long: what does is cut into steps, each of which says whether there is more to do, so that a daemon that is
// to stop waits for one step and for no whole scrub.
#pragma once

#include <functional>

#include "engine/engine.h"
#include "rpc/record.h"

namespace ciaos::rpc {

// What the daemon knows and the engine does not. What is empty is left out of answers. Thread-safe, all of them.
struct DaemonSide {
  std::function<Record()> mount;           // where, since when, and how requests come
  std::function<Records()> configuration;  // setting, value, source
  std::function<Records()> operations;     // "operation" records since the daemon began
  std::function<Records()> processes;      // "process" records since this was asked last
};

// Whether whoever asks is root or the daemon's own user.
enum class Right { figures_only, everything };

// EPERM; EOPNOTSUPP: a question of another version. `memory` is -1 if none came.
Result<Answer> answer_question(engine::Engine& engine, const DaemonSide& daemon, const Question& question,
                               Right right, int memory);

}  // namespace ciaos::rpc
