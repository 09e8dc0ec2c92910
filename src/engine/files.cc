#include "engine/files.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "engine/privileges.h"
#include "engine/protection.h"
#include "engine/rules.h"
#include "store/format.h"

namespace ciaos::engine {
namespace {

using meta::Extent;
using meta::ExtentKey;

}  // namespace

Status Files::check_regular(const Inode& inode) {
  if (!inode.exists()) return fail(ENOENT);
  if (S_ISDIR(inode.row.mode)) return fail(EISDIR);
  if (!S_ISREG(inode.row.mode)) return fail(EINVAL);
  return {};
}

Result<std::size_t> Files::read(InodeId id, std::uint64_t offset, MutableByteSpan into) {
  const InodeRef inode = TRY(core_.inodes->get(id));
  std::optional<std::vector<Piece>> pieces;
  ReadEpochs::Ticket ticket(core_.read_epochs);
  {
    ReaderLock lock(inode->mutex);
    TRY_VOID(check_regular(*inode));
    if (inode->extents_known || inode->extents_many) {
      if (offset >= inode->row.size) return std::size_t{0};
      into = into.first(std::min<std::uint64_t>(into.size(), inode->row.size - offset));
      pieces = TRY(plan_read(*inode, offset, into));
    }
  }
  if (!pieces) {
    WriterLock lock(inode->mutex);
    TRY_VOID(check_regular(*inode));
    if (offset >= inode->row.size) return std::size_t{0};
    into = into.first(std::min<std::uint64_t>(into.size(), inode->row.size - offset));
    TRY_VOID(load_extents(*inode));
    pieces = TRY(plan_read(*inode, offset, into));
  }
  for (const Piece& piece : *pieces) {
    Status read = core_.reader->read(piece.needle, piece.offset, piece.into);
    // A missing volume is damage, and not a missing file.
    if (read.code() == ENOENT) return fail(EUCLEAN, std::move(read).error().context);
    TRY_VOID(std::move(read));
  }
  return into.size();
}

// Fills `into` with holes and buffered bytes, and says which device reads bring the rest.
Result<std::vector<Files::Piece>> Files::plan_read(Inode& inode, std::uint64_t offset, MutableByteSpan into) {
  const std::uint64_t end = offset + into.size();
  std::vector<Piece> pieces;
  const auto part = [&](std::uint64_t from, std::uint64_t to) {
    return into.subspan(from - offset, to - from);
  };
  const auto plan_clean = [&](std::uint64_t from, std::uint64_t to) -> Status {
    if (from >= to) return {};
    std::uint64_t at = from;
    for (const Extent& whole : TRY(overlapping(inode, from, to))) {
      if (whole.row.is_reserved()) continue;
      const Extent extent = meta::clipped(whole, from, to);
      std::ranges::fill(part(at, extent.offset), std::byte{0});
      pieces.push_back({extent.row.needle, extent.row.payload_offset, part(extent.offset, extent.end())});
      at = extent.end();
    }
    std::ranges::fill(part(at, to), std::byte{0});
    return {};
  };
  std::uint64_t at = offset;
  Status status;
  inode.buffer.for_each_in(offset, end, [&](const WriteBuffer::Piece& piece) {
    if (status.ok()) status = plan_clean(at, piece.offset);
    std::ranges::copy(piece.bytes, part(piece.offset, piece.end()).begin());
    at = piece.end();
  });
  TRY_VOID(std::move(status));
  TRY_VOID(plan_clean(at, end));
  return pieces;
}

Status Files::load_extents(Inode& inode) {
  if (inode.extents_known || inode.extents_many) return {};
  std::vector<Extent> extents = TRY(core_.rows->extents(inode.id, 0, kEndOfFile, kCachedExtentsMax + 1));
  inode.extents_many = extents.size() > kCachedExtentsMax;
  if (inode.extents_many) return {};
  inode.extents = std::move(extents);
  inode.extents_known = true;
  return {};
}

Result<std::vector<Extent>> Files::overlapping(Inode& inode, std::uint64_t begin, std::uint64_t end,
                                               std::size_t limit) {
  if (!inode.extents_known) return core_.rows->extents(inode.id, begin, end, limit);
  const auto first = std::ranges::upper_bound(inode.extents, begin, {}, &Extent::end);
  const auto last = std::ranges::lower_bound(first, inode.extents.end(), end, {}, &Extent::offset);
  return std::vector<Extent>(first, first + std::min(last - first, static_cast<std::ptrdiff_t>(limit)));
}

Result<std::size_t> Files::write(InodeId id, std::uint64_t offset, ByteSpan from, Engine::WriteMode mode) {
  TRY_VOID(core_.committer->admit());
  if (core_.dirty.bytes() > core_.options.dirty_bytes_max / 2) TRY_VOID(flush_all(/*inside_gate=*/false));
  core_.writer->throttle();
  const InodeRef inode = TRY(core_.inodes->get(id));
  if (from.empty()) return std::size_t{0};
  while (true) {
    const Grant grant = TRY(grant_write(*inode, offset, from.size(), mode.append));
    const std::optional<std::size_t> written = TRY(write_granted(*inode, offset, from, mode, grant));
    if (written) return *written;
  }
}

Result<std::optional<std::size_t>> Files::write_granted(Inode& inode, std::uint64_t offset, ByteSpan from,
                                                        Engine::WriteMode mode, const Grant& grant) {
  const auto refuse = [&](Error error) {
    core_.pool->release(grant.promised);
    return error;
  };
  const auto pass = core_.committer->enter(kRecordsPerPiece + meta::kExtentRecordBytes);
  if (!pass.ok()) return refuse(pass.error());
  WriterLock lock(inode.mutex);
  if (Status status = check_regular(inode); !status.ok()) return refuse(status.error());
  if (Status status = check_writable(inode.row.flags, mode.append); !status.ok())
    return refuse(status.error());
  if (Status status = learn_capability(*core_.rows, inode); !status.ok()) return refuse(status.error());
  if (mode.append) offset = inode.row.size;
  from = from.first(grant.bytes);
  if (grant.claim == store::Claim::held) {
    const auto reserved = reserved_up_to(inode, offset, offset + from.size());
    if (!reserved.ok()) return refuse(reserved.error());
    if (*reserved < offset + from.size()) {  // somebody else was there first
      core_.pool->release(grant.promised);
      return std::optional<std::size_t>();
    }
  }
  if (offset > kFileBytesMax || from.size() > kFileBytesMax - offset) return refuse(fail(EFBIG));
  const TreeCharge charge(*core_.quotas, inode);
  const Result<bool> exact = claim_write(inode, offset, from.size());
  if (!exact.ok()) return refuse(exact.error());
  if (!inode.dirty) {
    inode.dirty = true;
    core_.dirty.add(core_.inodes->share(inode));
  }
  inode.reserved += grant.promised;
  const std::size_t taken = TRY(buffer(inode, offset, from));
  inode.row.size = std::max(inode.row.size, offset + taken);
  // In a buffer it may count twice. What cannot become a needle now is told to whoever commits it.
  if (*exact) (void)flush(inode).ok();
  note_contents(inode, mode.clears_set_id);
  return std::optional(taken);
}

Result<bool> Files::claim_write(Inode& inode, std::uint64_t offset, std::uint64_t bytes) {
  if (!inode.quota) return false;
  meta::InodeRow grown = inode.row;
  grown.size = std::max(grown.size, offset + bytes);
  if (core_.quotas->claim(inode, shown_bytes(grown, inode.buffer.bytes() + bytes)).ok()) return false;
  TRY_VOID(flush(inode));
  TRY_VOID(load_extents(inode));
  std::uint64_t covered = 0;
  for (const Extent& extent : TRY(overlapping(inode, offset, offset + bytes)))
    covered += meta::clipped(extent, offset, offset + bytes).row.length;
  TRY_VOID(core_.quotas->claim(inode, inode.row.stored_bytes + bytes - covered));
  return true;
}

void Files::note_contents(Inode& inode, bool clears_set_id) {
  meta::InodeRow& row = inode.row;
  row.modified = row.changed = core_.clock.now();
  ++row.change;
  drop_privileges(*core_.rows, inode, clears_set_id);
  core_.rows->put(inode.id, row);
}

Result<std::size_t> Files::buffer(Inode& inode, std::uint64_t offset, ByteSpan from) {
  const std::uint64_t piece_bytes = core_.log_limits.data_payload_bytes_max;
  const DirtyInodes::Change change(core_.dirty, inode.buffer);
  std::size_t taken = 0;
  // A long write into nothing buffered becomes needles at once, without a copy in the buffer.
  if (inode.buffer.empty()) {
    while (from.size() - taken >= piece_bytes) {
      Status status = flush_piece(inode, offset + taken, from.subspan(taken, piece_bytes));
      if (!status.ok() && taken == 0) return status.error();
      if (!status.ok()) return taken;
      taken += piece_bytes;
    }
  }
  inode.buffer.write(offset + taken, from.subspan(taken), piece_bytes, core_.piece_memory);
  // What is in the buffer is written, whether it can become a needle now or not: whoever commits it next gets the error.
  while (true) {
    const auto full = inode.buffer.take_full(piece_bytes);
    if (!full || !flush_taken(inode, *full).ok()) break;
  }
  return from.size();
}

Status Files::flush(Inode& inode) {
  const TreeCharge charge(*core_.quotas, inode);
  const DirtyInodes::Change change(core_.dirty, inode.buffer);
  Status status;
  while (status.ok() && !inode.buffer.empty()) status = flush_taken(inode, inode.buffer.take_first());
  if (inode.buffer.empty() && inode.reserved > 0) core_.pool->release(std::exchange(inode.reserved, 0));
  return status;
}

// Reads go on seeing what was written, also when it can become no needle: then it goes back into the buffer.
Status Files::flush_taken(Inode& inode, const WriteBuffer::TakenPiece& piece) {
  Status status = flush_piece(inode, piece.offset, piece.bytes.span());
  if (!status.ok())
    inode.buffer.write(piece.offset, piece.bytes.span(), core_.log_limits.data_payload_bytes_max,
                       core_.piece_memory);
  return status;
}

Status Files::flush_piece(Inode& inode, std::uint64_t offset, ByteSpan bytes) {
  const std::array<ByteSpan, 1> payload{bytes};
  const NeedlePlace place = TRY(core_.writer->append({store::NeedleKind::data, inode.id, offset}, payload));
  const std::uint64_t used = std::min(inode.reserved, store::needle_bytes_bound(bytes.size()));
  inode.reserved -= used;
  core_.pool->release(used);
  TRY_VOID(lay(inode, Extent{offset, {bytes.size(), place, 0}}));
  core_.rows->put(inode.id, inode.row);
  return {};
}

Status Files::lay(Inode& inode, const Extent& extent) {
  TRY_VOID(load_extents(inode));
  const std::vector<Extent> old = TRY(overlapping(inode, extent.offset, extent.end()));
  note_edit(inode, meta::replace_range(old, extent));
  note_fragmented(inode, extent);
  return {};
}

void Files::note_edit(Inode& inode, const meta::ExtentEdit& edit) {
  for (const std::uint64_t offset : edit.removed) core_.rows->erase(ExtentKey{inode.id, offset});
  for (const Extent& extent : edit.added) core_.rows->put(ExtentKey{inode.id, extent.offset}, extent.row);
  const bool less_than_none =
      edit.stored_bytes < 0 && inode.row.stored_bytes < static_cast<std::uint64_t>(-edit.stored_bytes);
  // A row that told too few: fsck.ciaos counts again.
  inode.row.stored_bytes =
      less_than_none ? 0 : inode.row.stored_bytes + static_cast<std::uint64_t>(edit.stored_bytes);
  core_.stored_bytes += static_cast<std::uint64_t>(edit.stored_bytes);
  // Room for what comes was held by whoever lays it.
  if (edit.reserved_bytes < 0) core_.pool->unhold(static_cast<std::uint64_t>(-edit.reserved_bytes));
  if (!inode.extents_known) return;
  for (const std::uint64_t offset : edit.removed) {
    const auto at = std::ranges::lower_bound(inode.extents, offset, {}, &Extent::offset);
    CIAOS_ASSERT(at != inode.extents.end() && at->offset == offset);
    inode.extents.erase(at);
  }
  for (const Extent& extent : edit.added) {
    const auto at = std::ranges::lower_bound(inode.extents, extent.offset, {}, &Extent::offset);
    inode.extents.insert(at, extent);
  }
  if (inode.extents.size() > kCachedExtentsMax) {
    inode.extents = {};
    inode.extents_known = false;
    inode.extents_many = true;
  }
}

Result<bool> Files::names(Inode& inode, const Extent& extent) {
  if (!inode.exists()) return false;
  const std::vector<Extent> now = TRY(overlapping(inode, extent.offset, extent.end()));
  return now.size() == 1 && now.front() == extent;
}

Result<bool> Files::redirect(Inode& inode, const Extent& extent, const meta::ExtentRow& to) {
  CIAOS_ASSERT(to.length == extent.row.length);
  if (!TRY(names(inode, extent))) return false;
  core_.rows->put(ExtentKey{inode.id, extent.offset}, to);
  if (inode.extents_known) {
    const auto at = std::ranges::lower_bound(inode.extents, extent.offset, {}, &Extent::offset);
    at->row = to;
  }
  return true;
}

void Files::discard_buffered(Inode& inode, std::uint64_t begin, std::uint64_t end) {
  const DirtyInodes::Change change(core_.dirty, inode.buffer);
  inode.buffer.discard(begin, end);
}

Result<bool> Files::free_extents(Inode& inode, std::size_t rows_max) {
  const TreeCharge charge(*core_.quotas, inode);
  discard_buffered(inode, 0, kEndOfFile);
  if (inode.reserved > 0) core_.pool->release(std::exchange(inode.reserved, 0));
  std::vector<Extent> some;
  if (inode.extents_known) {
    some.assign(inode.extents.begin(), inode.extents.begin() + static_cast<std::ptrdiff_t>(
                                                                   std::min(rows_max, inode.extents.size())));
  } else {
    some = TRY(core_.rows->extents(inode.id, 0, kEndOfFile, rows_max));
  }
  if (!some.empty()) note_edit(inode, meta::cut_range(some, 0, some.back().end()));
  return some.size() < rows_max;
}

Status Files::flush_all(bool inside_gate) {
  Status first;
  for (InodeRef& inode : core_.dirty.list(*core_.inodes)) {
    if (inside_gate) {
      const Status status = flush_dirty(*inode);
      if (first.ok()) first = status;
      continue;
    }
    const Status status = flush_outside_gate(std::move(inode));
    if (first.ok()) first = status;
  }
  return first;
}

Status Files::flush_outside_gate(InodeRef inode) {
  Status status;
  {
    Gate::Pass pass(core_.gate);
    status = flush_dirty(*inode);
  }
  inode.reset();
  core_.writer->throttle();
  return status;
}

Status Files::flush_dirty(Inode& inode) {
  InodeRef kept;  // dropped when the lock is gone
  WriterLock lock(inode.mutex);
  if (!inode.dirty) return {};
  TRY_VOID(flush(inode));
  inode.dirty = false;
  kept = core_.dirty.remove(inode.id);
  return {};
}

}  // namespace ciaos::engine
