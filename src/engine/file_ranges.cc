// Holes: where they are, and how to make them.
#include <algorithm>

#include "engine/files.h"
#include "engine/privileges.h"
#include "engine/protection.h"

namespace ciaos::engine {
namespace {

using meta::Extent;

// Of one look; a file may have millions.
constexpr std::size_t kExtentsPerLook = 256;
// Rows that one step of a change may touch, so that no operation fills a batch alone.
constexpr std::size_t kExtentsPerStep = 4096;

}  // namespace

Result<std::uint64_t> Files::seek(InodeId id, std::uint64_t offset, SeekTo what) {
  const InodeRef inode = TRY(core_.inodes->get(id));
  WriterLock lock(inode->mutex);
  TRY_VOID(check_regular(*inode));
  if (offset >= inode->row.size) return fail(ENXIO);
  TRY_VOID(load_extents(*inode));
  std::optional<Range> data = TRY(next_data(*inode, offset));
  if (what == SeekTo::data) {
    if (!data || data->begin >= inode->row.size) return fail(ENXIO);
    return std::max(data->begin, offset);
  }
  while (data && data->begin <= offset) {
    offset = data->end;
    data = TRY(next_data(*inode, offset));
  }
  return std::min(offset, inode->row.size);
}

Result<std::optional<Files::Range>> Files::next_data(Inode& inode, std::uint64_t at) {
  std::optional<Range> data;
  const auto piece = inode.buffer.next_piece(at);
  bool more = true;
  for (std::uint64_t from = at; more;) {
    const std::vector<Extent> page = TRY(overlapping(inode, from, kEndOfFile, kExtentsPerLook));
    more = page.size() == kExtentsPerLook && !data && !(piece && piece->offset < page.back().end());
    if (more) from = page.back().end();
    for (const Extent& extent : page) {
      if (extent.row.is_reserved()) continue;
      if (!data) {
        data = Range{extent.offset, extent.end()};
      } else if (data->end == extent.offset) {
        data->end = extent.end();
      } else {
        break;
      }
      more = false;
    }
  }
  if (piece && (!data || piece->offset < data->begin)) data = Range{piece->offset, piece->end()};
  return data;
}

Status Files::change_range(InodeId id, const RangeChange& change) {
  if (change.length == 0) return fail(EINVAL);
  if (change.offset > kFileBytesMax || change.length > kFileBytesMax - change.offset) return fail(EFBIG);
  const InodeRef inode = TRY(core_.inodes->get(id));
  if (change.kind == RangeKind::reserve) return reserve_range(*inode, change);
  const std::uint64_t end = change.offset + change.length;
  std::uint64_t at = change.offset;
  while (at < end) {
    TRY_VOID(core_.committer->admit());
    at = TRY(change_range_step(*inode, change, at, end));
  }
  return {};
}

Result<std::uint64_t> Files::change_range_step(Inode& inode, const RangeChange& change, std::uint64_t begin,
                                               std::uint64_t end) {
  const std::size_t most = core_.rows_per_step(kExtentsPerStep);
  const Gate::Pass pass = TRY(core_.committer->enter(2 * most * meta::kExtentRecordBytes));
  WriterLock lock(inode.mutex);
  TRY_VOID(check_regular(inode));
  TRY_VOID(check_changeable(inode.row));
  TRY_VOID(learn_capability(*core_.rows, inode));
  TRY_VOID(load_extents(inode));
  const TreeCharge charge(*core_.quotas, inode);
  std::vector<Extent> extents = TRY(overlapping(inode, begin, end, most));
  std::uint64_t upto = end;
  if (extents.size() == most) upto = std::min(end, extents.back().end());
  discard_buffered(inode, begin, upto);
  note_edit(inode, meta::cut_range(extents, begin, upto));
  if (!change.keep_size) inode.row.size = std::max(inode.row.size, upto);
  note_contents(inode, change.clears_set_id);
  return upto;
}

}  // namespace ciaos::engine
