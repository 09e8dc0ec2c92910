// truncate: what lies behind a shorter size goes, from the end, so that each step leaves a file that was only cut later.
#include <algorithm>

#include "engine/files.h"
#include "engine/privileges.h"
#include "engine/protection.h"
#include "engine/rules.h"

namespace ciaos::engine {
namespace {

using meta::Extent;

// Rows that one step may touch, so that no truncate outgrows a batch.
constexpr std::size_t kExtentsPerCut = 4096;

}  // namespace

Status Files::resize(Inode& inode, std::uint64_t size) {
  if (size > kFileBytesMax) return fail(EFBIG);
  const TreeCharge charge(*core_.quotas, inode);
  // Also behind the end of the file: what is reserved there.
  if (size <= inode.row.size) {
    TRY_VOID(load_extents(inode));
    const std::vector<Extent> behind = TRY(overlapping(inode, size, kEndOfFile));
    discard_buffered(inode, size, kEndOfFile);
    note_edit(inode, meta::cut_range(behind, size, kEndOfFile));
    inode.extents_many = false;
  }
  inode.row.size = size;
  return {};
}

Result<std::size_t> Files::shorten(Inode& inode, std::uint64_t size, bool clears_set_id) {
  const std::size_t most = core_.rows_per_step(kExtentsPerCut);
  {
    ReaderLock lock(inode.mutex);
    if (inode.extents_known && inode.extents.size() <= most) return inode.extents.size();
  }
  // Where steps begin, the last one on top. Others may write meanwhile: a step that has grown is parted again.
  std::vector<std::uint64_t> cuts{size};
  while (true) {
    TRY_VOID(core_.committer->admit());
    const Gate::Pass pass = TRY(core_.committer->enter(2 * most * meta::kExtentRecordBytes));
    WriterLock lock(inode.mutex);
    // What cannot be cut, and the last step, are the caller's.
    if (!check_regular(inode).ok() || !check_changeable(inode.row).ok()) return std::size_t{0};
    TRY_VOID(learn_capability(*core_.rows, inode));
    TRY_VOID(load_extents(inode));
    const std::vector<Extent> behind = TRY(overlapping(inode, cuts.back(), kEndOfFile, most + 1));
    if (behind.size() > most) {
      cuts.push_back(behind[most].offset);
      continue;
    }
    if (cuts.size() == 1) return behind.size();
    TRY_VOID(resize(inode, std::min(cuts.back(), inode.row.size)));
    note_contents(inode, clears_set_id);
    cuts.pop_back();
  }
}

}  // namespace ciaos::engine
