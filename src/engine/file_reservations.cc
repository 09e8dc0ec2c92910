// fallocate(2): ranges of files that room is held for. A reserved extent is a row like any other, but names no needle and reads
// as zeros. So whatever replaces or removes rows gives room back, and a crash keeps the one with the other; the pool
// counts the bytes of all such rows, and keeps volumes back for them.
#include <algorithm>

#include "engine/files.h"
#include "engine/privileges.h"
#include "engine/protection.h"
#include "store/format.h"

namespace ciaos::engine {
namespace {

using meta::Extent;
using meta::ExtentRow;

static_assert(meta::kReservedExtentBytesMax <= store::kDataPayloadBytesMax);

// Rows that one step looks at, and about as many that it makes.
constexpr std::size_t kExtentsOfAStep = 4096;
// What a step adds to the log.
constexpr std::uint64_t kRecordsPerStep = kExtentsOfAStep * meta::kExtentRecordBytes;
// What one needle can cost in records: its extent, pieces left of old ones, the inode's row.
constexpr std::uint64_t kRecordsPerNeedle = 512;
// And in bytes besides its payload and checksums: header, alignment, padding.
constexpr std::uint64_t kFramePerNeedle = store::kBlockBytes + store::needle_bytes_bound(0);

// A bound of what a write takes in the log before its buffer has become needles. Where it begins and ends is in the middle
// of others' needles, so it is one more than its length says.
std::uint64_t log_bytes_of_write(std::size_t bytes, std::uint64_t needle_payload_bytes_max) {
  const std::uint64_t needles = bytes / needle_payload_bytes_max + 1;
  return store::needle_bytes_bound(bytes) + needles * (kFramePerNeedle + kRecordsPerNeedle);
}

}  // namespace

Result<Files::Grant> Files::grant_write(Inode& inode, std::uint64_t offset, std::size_t bytes, bool append) {
  Grant grant{.bytes = bytes, .promised = log_bytes_of_write(bytes, core_.log_limits.data_payload_bytes_max)};
  const Status fresh = core_.pool->reserve(grant.promised);
  if (fresh.ok()) return grant;
  if (fresh.code() != ENOSPC) return fresh.error();
  {
    WriterLock lock(inode.mutex);
    TRY_VOID(check_regular(inode));
    if (append) offset = inode.row.size;
    const std::uint64_t end = offset + std::min<std::uint64_t>(bytes, kEndOfFile - offset);
    grant.bytes = TRY(reserved_up_to(inode, offset, end)) - offset;
  }
  // A write that begins outside of what is reserved is one as any other; one that ends there becomes a short one.
  if (grant.bytes > 0) grant.claim = store::Claim::held;
  if (grant.bytes == 0) grant.bytes = bytes;
  grant.promised = log_bytes_of_write(grant.bytes, core_.log_limits.data_payload_bytes_max);
  TRY_VOID(core_.promise_space(grant.promised, grant.claim));
  return grant;
}

Result<std::uint64_t> Files::reserved_up_to(Inode& inode, std::uint64_t begin, std::uint64_t end) {
  TRY_VOID(load_extents(inode));
  if (const auto piece = inode.buffer.next_piece(begin)) end = std::clamp(piece->offset, begin, end);
  std::uint64_t at = begin;
  for (const Extent& extent : TRY(overlapping(inode, begin, end))) {
    if (!extent.row.is_reserved() || extent.offset > at) break;
    at = std::min(end, extent.end());
  }
  return at;
}

Result<std::uint64_t> Files::bytes_without_extents(Inode& inode, std::uint64_t begin, std::uint64_t end) {
  std::uint64_t covered = 0;
  for (std::uint64_t at = begin; at < end;) {
    WriterLock lock(inode.mutex);
    TRY_VOID(check_regular(inode));
    TRY_VOID(check_writable(inode.row.flags, /*appends=*/true));
    TRY_VOID(load_extents(inode));
    const std::vector<Extent> page = TRY(overlapping(inode, at, end, kExtentsOfAStep));
    for (const Extent& extent : page) covered += meta::clipped(extent, at, end).row.length;
    at = page.size() == kExtentsOfAStep ? std::min(end, page.back().end()) : end;
  }
  return end - begin - covered;
}

Status Files::reserve_range(Inode& inode, const RangeChange& change) {
  const std::uint64_t end = change.offset + change.length;
  std::uint64_t at = change.offset;
  std::uint64_t held = 0;
  const QuotaRef tree = [&] {
    ReaderLock lock(inode.mutex);
    return inode.quota;
  }();
  while (at < end) {
    TRY_VOID(core_.committer->admit());
    TRY_VOID(core_.promise_space(kRecordsPerStep));
    core_.pool->release(kRecordsPerStep);
    if (held == 0) {
      // All of it before anything changes. More than that is missing only when somebody punches meanwhile.
      held = TRY(bytes_without_extents(inode, at, end));
      TRY_VOID(core_.quotas->promise(tree, meta::charged_bytes(held)));
      if (const Status room = core_.hold_space(held); !room.ok()) {
        core_.quotas->withdraw(tree, meta::charged_bytes(held));
        return room;
      }
    }
    const std::uint64_t promised = meta::charged_bytes(held);
    const auto upto = reserve_step(inode, change, at, held);
    if (!upto.ok()) {
      core_.pool->unhold(held);
      core_.quotas->withdraw(tree, promised);
      return upto.error();
    }
    // The tree is charged for what the step took.
    core_.quotas->withdraw(tree, promised - meta::charged_bytes(held));
    at = *upto;
  }
  core_.pool->unhold(held);
  core_.quotas->withdraw(tree, meta::charged_bytes(held));
  return {};
}

Result<std::uint64_t> Files::reserve_step(Inode& inode, const RangeChange& change, std::uint64_t begin,
                                          std::uint64_t& held) {
  const std::uint64_t end = change.offset + change.length;
  Gate::Pass pass(core_.gate);
  WriterLock lock(inode.mutex);
  TRY_VOID(check_regular(inode));
  TRY_VOID(check_writable(inode.row.flags, /*appends=*/true));
  TRY_VOID(learn_capability(*core_.rows, inode));
  TRY_VOID(load_extents(inode));
  const TreeCharge charge(*core_.quotas, inode);
  const std::vector<Extent> there = TRY(overlapping(inode, begin, end, kExtentsOfAStep));
  meta::ExtentEdit edit;
  std::uint64_t at = begin;
  // Rows for the hole that reaches from `at` to `to`; false when the step ends before it is filled.
  const auto fill_to = [&](std::uint64_t to) {
    while (at < to && held > 0 && edit.added.size() < kExtentsOfAStep) {
      const std::uint64_t bytes = std::min({to - at, held, meta::kReservedExtentBytesMax});
      edit.added.push_back({at, ExtentRow::reservation(bytes)});
      held -= bytes;
      at += bytes;
    }
    return at >= to;
  };
  bool filled = true;
  for (auto extent = there.begin(); filled && extent != there.end(); ++extent) {
    filled = extent->offset <= at || fill_to(extent->offset);
    if (filled) at = std::min(end, extent->end());
  }
  if (filled && there.size() < kExtentsOfAStep) (void)fill_to(end);
  for (const Extent& extent : edit.added) edit.reserved_bytes += static_cast<std::int64_t>(extent.row.length);
  edit.stored_bytes = edit.reserved_bytes;
  note_edit(inode, edit);
  if (!change.keep_size) inode.row.size = std::max(inode.row.size, at);
  note_contents(inode, change.clears_set_id);
  return at;
}

}  // namespace ciaos::engine
