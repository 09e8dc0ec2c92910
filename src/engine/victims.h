// Which volume is worth emptying. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "meta/index.h"

namespace ciaos::engine {

// A sealed volume, what lives in it, and what it takes.
struct VolumeFill {
  meta::VolumeUsage usage;
  std::uint64_t held_bytes = 0;  // of the device: less than a volume where dead payloads were punched out

  // No less than what the live needles take when they are moved: headers, padding and the records of the move with them.
  std::uint64_t needed_bytes() const;
  std::uint64_t garbage_bytes() const;
};

enum class Pressure {
  none,  // garbage is let gather until it is a tenth of what lives
  full,  // a write found no room: whatever helps
};

// The index in `volumes` of the one to empty next, if one is worth what it costs. `live_bytes`: of the whole store.
std::optional<std::size_t> choose_victim(std::span<const VolumeFill> volumes, std::uint64_t volume_bytes,
                                         std::uint64_t live_bytes, Pressure pressure);

}  // namespace ciaos::engine
