// Which blocks ahead of the tail to write with zeros while commits are small.
//
// XFS keeps preallocated blocks as unwritten extents, and a sync after the first write to one forces its log. Blocks that
// were written before cost no such thing. Large commits pay for their extents themselves and go past the window.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/log_position.h"
#include "store/format.h"

namespace ciaos::store {

// Pure. Guarded by the writer's mutex.
class ZeroWindow {
 public:
  struct Range {
    VolumePosition begin;
    std::uint64_t end = 0;
  };

  explicit ZeroWindow(std::uint64_t bytes) : bytes_(align_down(bytes, kBlockBytes)) {}

  // At a commit of `commit_bytes`, when blocks from `tail` on were not handed out yet. From the second small commit in a row
  // on, keeps at least a quarter of the window ahead.
  std::optional<Range> extend(const VolumePosition& tail, std::uint64_t volume_bytes,
                              std::uint64_t commit_bytes) {
    const bool small = commit_bytes < bytes_ / 4;
    const bool again = small && last_was_small_;
    last_was_small_ = small;
    if (!again) return std::nullopt;
    if (zeroed_.volume != tail.volume || zeroed_.generation != tail.generation) {
      zeroed_ = {tail.volume, tail.generation, 0};
    }
    const std::uint64_t first_block = align_up(tail.offset, kBlockBytes);
    if (zeroed_.offset >= first_block + bytes_ / 4) return std::nullopt;
    const Range range{{tail.volume, tail.generation, std::max(first_block, zeroed_.offset)},
                      std::min(first_block + bytes_, align_down(volume_bytes, kBlockBytes))};
    if (range.begin.offset >= range.end) return std::nullopt;
    zeroed_.offset = range.end;
    return range;
  }

 private:
  const std::uint64_t bytes_;
  bool last_was_small_ = false;
  VolumePosition zeroed_;  // blocks from the tail up to here are zeros
};

}  // namespace ciaos::store
