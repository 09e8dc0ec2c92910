// Gives back the space of large dead payloads where they lie, without moving anything: for volumes that are files.
//
// Headers stay, so that a scan still finds its way from needle to needle (invariant 2). A payload is punched only when no
// row names it, its batch is not the newest of the log (recovery verifies that one's payloads), and every read that
// began earlier has ended (invariant 3).
#pragma once

#include <cstdint>
#include <vector>

#include "engine/core.h"

namespace ciaos::engine {

// Whether punching helps where this volume lies.
bool can_punch(Core& core, VolumeId volume);

// What was dead in a volume at a moment; it is dead for good.
struct DeadPayloads {
  struct Span {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };
  meta::VolumeUsage volume;
  std::vector<Span> live;      // all needles but these, in order
  std::uint64_t found_ms = 0;  // for Leases::may_free(); nothing inside of this process reads any of it since
};
// Of a volume that is sealed and applied. Commits a batch; blocks.
Result<DeadPayloads> find_dead_payloads(Core& core, const meta::VolumeUsage& volume);
// How many bytes were punched. REQUIRES: no lease is in the way.
Result<std::uint64_t> punch(Core& core, const DeadPayloads& dead);

}  // namespace ciaos::engine
