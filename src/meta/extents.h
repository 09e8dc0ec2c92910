// Interval algebra of a file's extents. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "meta/rows.h"

namespace ciaos::meta {

struct Extent {
  std::uint64_t offset = 0;  // in the file
  ExtentRow row;
  std::uint64_t end() const { return offset + row.length; }
  bool operator==(const Extent&) const = default;
};

// The piece of `extent` inside [begin, end). REQUIRES: they overlap.
Extent clipped(const Extent& extent, std::uint64_t begin, std::uint64_t end);

struct ExtentEdit {
  std::vector<std::uint64_t> removed;  // offsets of rows that go
  std::vector<Extent> added;           // rows that come; an offset may be in both: replaced
  std::int64_t stored_bytes = 0;       // by how much the sum of lengths changes
  std::int64_t reserved_bytes = 0;     // of these, the part of reserved extents
};
// Punches [begin, end) out of a file whose rows overlapping that range are `overlapping`, in order.
ExtentEdit cut_range(const std::vector<Extent>& overlapping, std::uint64_t begin, std::uint64_t end);
// The same, then lays `extent` there.
ExtentEdit replace_range(const std::vector<Extent>& overlapping, const Extent& extent);

}  // namespace ciaos::meta
