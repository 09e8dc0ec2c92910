// Gives back the space of large dead payloads where they lie, without moving anything: for volumes that are files.
//
// Headers stay, so that a scan still finds its way from needle to needle (invariant 2). A payload is punched only when no
// row names it, its batch is not the newest of the log (recovery verifies that one's payloads), and every read that
// began earlier has ended (invariant 3).
#pragma once

#include <cstdint>

#include "engine/core.h"

namespace ciaos::engine {

// Whether punching helps where this volume lies.
bool can_punch(Core& core, VolumeId volume);
// How many bytes of `volume`, which is sealed and applied, were punched. Commits a batch; blocks.
Result<std::uint64_t> punch_dead_payloads(Core& core, const meta::VolumeUsage& volume);

}  // namespace ciaos::engine
