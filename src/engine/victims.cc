#include "engine/victims.h"

#include <algorithm>

#include "store/format.h"

namespace ciaos::engine {
namespace {

// Garbage is let gather until it is this part of what lives. Less of it costs more moving for each byte that comes back.
constexpr std::uint64_t kGarbageShare = 10;
// A volume is not emptied for less than this part of it: when all are alike, moving nine bytes gives back one.
constexpr std::uint64_t kVictimShare = 10;
constexpr std::uint64_t kVictimShareWhenFull = 64;

constexpr std::uint64_t kNeedleFrameBytes = store::NeedleLayout::bytes + 2 * store::kNeedleAlignment;
constexpr std::uint64_t kRecordBytes =
    2 * meta::kExtentRecordBytes;  // of the move, and of taking it over in an inode's row

}  // namespace

std::uint64_t VolumeFill::needed_bytes() const {
  const std::uint64_t crcs = 4 * (usage.bytes / store::kBlockBytes + usage.extents);
  // No more of them than this can be long enough to start on a block boundary.
  const std::uint64_t aligned = std::min(usage.extents, usage.bytes / store::kAlignedPayloadBytes);
  return usage.bytes + usage.extents * (kNeedleFrameBytes + kRecordBytes) + crcs +
         aligned * store::kBlockBytes;
}

std::uint64_t VolumeFill::garbage_bytes() const { return held_bytes - std::min(held_bytes, needed_bytes()); }

std::optional<std::size_t> choose_victim(std::span<const VolumeFill> volumes, std::uint64_t volume_bytes,
                                         std::uint64_t live_bytes, Pressure pressure) {
  const auto worst = std::ranges::max_element(volumes, {}, &VolumeFill::garbage_bytes);
  if (worst == volumes.end()) return std::nullopt;
  const std::uint64_t most = worst->garbage_bytes();
  if (most < volume_bytes / (pressure == Pressure::full ? kVictimShareWhenFull : kVictimShare))
    return std::nullopt;
  if (pressure == Pressure::none) {
    std::uint64_t garbage = 0;
    for (const VolumeFill& volume : volumes) garbage += volume.garbage_bytes();
    // Less than a volume of it gives back none.
    if (garbage < volume_bytes || garbage < live_bytes / kGarbageShare) return std::nullopt;
  }
  return static_cast<std::size_t>(worst - volumes.begin());
}

}  // namespace ciaos::engine
