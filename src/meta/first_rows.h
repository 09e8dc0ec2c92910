// The rows a new store begins with: what the first batch of its log holds. mkfs writes them, tests and fsck know them.
#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "meta/changes.h"

namespace ciaos::meta {

// Positions below are for ".", ".." and room; the same number as the engine's kFirstNamePosition (a test holds them together).
inline constexpr std::uint64_t kFirstPosition = 16;

struct FirstRows {
  std::uint32_t uid = 0;  // owner of the root directory
  std::uint32_t gid = 0;
  Timestamp created;
  // Of each device, in order: the lowest volume file number never used. Empty for raw devices, whose slots are counted
  // by their superblock.
  std::vector<std::uint32_t> next_slots;
};

// An empty root directory, the store's counters, and volume 0, in which this batch lies. Pure.
Changes first_rows(const FirstRows& first);

}  // namespace ciaos::meta
