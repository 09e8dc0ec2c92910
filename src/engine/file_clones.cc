// Copies that cost rows instead of bytes: two files, or two places of one file, name the same needles. What is written to
// either later is laid over its own rows alone, and a volume stays as long as any row names it (invariant 3).
#include <algorithm>

#include "engine/files.h"
#include "engine/privileges.h"
#include "engine/protection.h"
#include "engine/rules.h"

namespace ciaos::engine {
namespace {

using meta::Extent;

// Of the source that one call shares, and of the target that it replaces: 4 GiB of whole needles.
constexpr std::size_t kExtentsPerClone = 4096;
static_assert(kRecordsPerClone >= 2 * kExtentsPerClone * meta::kExtentRecordBytes);

bool overlap(const CloneRange& range, std::uint64_t length) {
  const std::uint64_t low = std::min(range.from_offset, range.to_offset);
  const std::uint64_t high = std::max(range.from_offset, range.to_offset);
  return range.from == range.to && high - low < length;
}

// A part of `extents` may be all that one call does: how many bytes from `begin` on they decide about.
std::uint64_t decided(std::vector<Extent>& extents, std::size_t most, std::uint64_t begin,
                      std::uint64_t length) {
  if (extents.size() <= most) return length;
  extents.resize(most);
  return extents.back().end() - begin;
}

}  // namespace

Result<std::uint64_t> Files::clone_range(const CloneRange& range) {
  TRY_VOID(core_.committer->admit());
  core_.writer->throttle();
  const InodeRef from = TRY(core_.inodes->get(range.from));
  const InodeRef to = TRY(core_.inodes->get(range.to));
  TRY_VOID(core_.promise_space(kRecordsPerClone));
  auto bytes = [&]() -> Result<std::uint64_t> {
    const Gate::Pass pass = TRY(core_.committer->enter(kRecordsPerClone));
    InodeLocks locks{&*from, &*to};
    return clone_locked(*from, *to, range);
  }();
  core_.pool->release(kRecordsPerClone);
  return bytes;
}

Result<std::uint64_t> Files::clone_locked(Inode& from, Inode& to, const CloneRange& range) {
  TRY_VOID(check_regular(from));
  TRY_VOID(check_regular(to));
  TRY_VOID(check_changeable(to.row));
  if (range.from_offset >= from.row.size || range.length == 0) return std::uint64_t{0};
  CloneRange part = range;
  part.length = std::min(range.length, from.row.size - range.from_offset);
  if (range.to_offset > kFileBytesMax || part.length > kFileBytesMax - range.to_offset) return fail(EFBIG);
  if (overlap(range, part.length)) return fail(EINVAL);
  TRY_VOID(learn_capability(*core_.rows, to));
  // Only needles can be shared.
  const auto buffered = from.buffer.next_piece(range.from_offset);
  if (buffered && buffered->offset < range.from_offset + part.length) TRY_VOID(flush(from));
  TRY_VOID(load_extents(from));
  TRY_VOID(load_extents(to));
  const std::size_t most = core_.rows_per_step(kExtentsPerClone);
  std::vector<Extent> shared =
      TRY(overlapping(from, range.from_offset, range.from_offset + part.length, most + 1));
  part.length = decided(shared, most, range.from_offset, part.length);
  std::vector<Extent> replaced =
      TRY(overlapping(to, range.to_offset, range.to_offset + part.length, most + 1));
  part.length = decided(replaced, most, range.to_offset, part.length);

  meta::ExtentEdit edit = meta::cut_range(replaced, range.to_offset, range.to_offset + part.length);
  const std::uint64_t from_end = range.from_offset + part.length;
  for (const Extent& extent : shared) {
    if (extent.offset >= from_end) break;
    if (extent.row.is_reserved()) continue;  // reads as a hole, and is one in the copy
    Extent copy = meta::clipped(extent, range.from_offset, from_end);
    copy.offset = copy.offset - range.from_offset + range.to_offset;
    edit.added.push_back(copy);
    edit.stored_bytes += static_cast<std::int64_t>(copy.row.length);
  }
  const TreeCharge charge(*core_.quotas, to);
  meta::InodeRow grown = to.row;
  grown.stored_bytes += static_cast<std::uint64_t>(edit.stored_bytes);
  grown.size = std::max(grown.size, range.to_offset + part.length);
  TRY_VOID(core_.quotas->claim(to, shown_bytes(grown, to.buffer.bytes())));
  discard_buffered(to, range.to_offset, range.to_offset + part.length);
  note_edit(to, edit);
  if (!edit.added.empty()) note_fragmented(to, edit.added.back());
  to.row.size = std::max(to.row.size, range.to_offset + part.length);
  note_contents(to, range.clears_set_id);
  return part.length;
}

}  // namespace ciaos::engine
