#include "meta/extents.h"

#include <algorithm>

#include "base/assert.h"

namespace ciaos::meta {

Extent clipped(const Extent& extent, std::uint64_t begin, std::uint64_t end) {
  const std::uint64_t from = std::max(begin, extent.offset);
  const std::uint64_t to = std::min(end, extent.end());
  CIAOS_ASSERT(from < to);
  Extent piece = extent;
  piece.offset = from;
  piece.row.length = to - from;
  if (!piece.row.is_reserved()) piece.row.payload_offset += static_cast<std::uint32_t>(from - extent.offset);
  return piece;
}

ExtentEdit cut_range(const std::vector<Extent>& overlapping, std::uint64_t begin, std::uint64_t end) {
  CIAOS_ASSERT(begin <= end);
  ExtentEdit edit;
  if (begin == end) return edit;
  std::uint64_t covered = 0;  // up to here the file was looked at: rows must come in order and apart
  for (const Extent& extent : overlapping) {
    CIAOS_ASSERT(extent.offset >= covered && extent.offset < end && extent.end() > begin);
    covered = extent.end();
    edit.removed.push_back(extent.offset);
    if (extent.offset < begin) edit.added.push_back(clipped(extent, extent.offset, begin));
    if (extent.end() > end) edit.added.push_back(clipped(extent, end, extent.end()));
    const auto cut = static_cast<std::int64_t>(clipped(extent, begin, end).row.length);
    edit.stored_bytes -= cut;
    if (extent.row.is_reserved()) edit.reserved_bytes -= cut;
  }
  return edit;
}

ExtentEdit replace_range(const std::vector<Extent>& overlapping, const Extent& extent) {
  CIAOS_ASSERT(extent.row.length > 0);
  ExtentEdit edit = cut_range(overlapping, extent.offset, extent.end());
  const auto behind = std::find_if(edit.added.begin(), edit.added.end(),
                                   [&](const Extent& piece) { return piece.offset > extent.offset; });
  edit.added.insert(behind, extent);
  edit.stored_bytes += static_cast<std::int64_t>(extent.row.length);
  if (extent.row.is_reserved()) edit.reserved_bytes += static_cast<std::int64_t>(extent.row.length);
  return edit;
}

}  // namespace ciaos::meta
