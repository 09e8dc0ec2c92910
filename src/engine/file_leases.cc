// Where the bytes of a file lie, for readers outside of the engine.
#include <algorithm>

#include "engine/files.h"

namespace ciaos::engine {

using meta::Extent;
namespace {

bool is_buffered(const Inode& inode, std::uint64_t begin, std::uint64_t end) {
  bool buffered = false;
  inode.buffer.for_each_in(begin, end, [&](const WriteBuffer::Piece&) { buffered = true; });
  return buffered;
}

}  // namespace

Result<std::vector<LeasedPiece>> Files::lease(const Leases::Holder& holder, InodeId id, std::uint64_t offset,
                                              std::uint64_t length, std::size_t limit) {
  const InodeRef inode = TRY(core_.inodes->get(id));
  const ReadEpochs::Ticket ticket(core_.read_epochs);
  std::vector<LeasedPiece> found;
  {
    WriterLock lock(inode->mutex);
    TRY_VOID(check_regular(*inode));
    const std::uint64_t end = std::min(inode->row.size, offset + std::min(length, kEndOfFile - offset));
    if (offset >= end) return found;
    if (is_buffered(*inode, offset, end)) return fail(ENOTSUP, "some of it is in no volume yet");
    TRY_VOID(load_extents(*inode));
    for (const Extent& whole : TRY(overlapping(*inode, offset, end, limit + 1))) {
      if (whole.row.is_reserved()) continue;
      const Extent extent = meta::clipped(whole, offset, end);
      found.push_back({extent.offset, extent.row.length, extent.row.needle, extent.row.payload_offset});
    }
  }
  if (found.size() > limit) return fail(ENOTSUP, "it lies in too many pieces");
  std::vector<VolumeId> volumes;
  for (const auto& [begin, bytes, needle, payload_offset] : found) {
    // The descriptor of a raw device would show all of it, and its slots live more than once.
    if (core_.volumes->device(device_of(needle.at.volume)).kind() != store::StoreKind::directory)
      return fail(ENOTSUP, "it lies on a raw device");
    if (core_.writer && !core_.writer->is_written(needle)) return fail(ENOTSUP, "it is being written");
    if (std::ranges::find(volumes, needle.at.volume) == volumes.end()) volumes.push_back(needle.at.volume);
  }
  TRY_VOID(core_.leases.take(holder, volumes));
  return found;
}

Result<std::optional<std::vector<Extent>>> Files::stored(InodeId id, std::uint64_t change,
                                                         std::uint64_t begin, std::uint64_t end) {
  const InodeRef inode = TRY(core_.inodes->get(id));
  WriterLock lock(inode->mutex);
  TRY_VOID(check_regular(*inode));
  if (inode->row.change != change || is_buffered(*inode, begin, end))
    return std::optional<std::vector<Extent>>();
  TRY_VOID(load_extents(*inode));
  std::vector<Extent> extents = TRY(overlapping(*inode, begin, end));
  std::erase_if(extents, [](const Extent& extent) { return extent.row.is_reserved(); });
  return std::optional(std::move(extents));
}

}  // namespace ciaos::engine
