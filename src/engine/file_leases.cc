// Where the bytes of a file lie, for readers outside of the engine.
#include <algorithm>

#include "engine/files.h"

namespace ciaos::engine {

using meta::Extent;

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
    bool buffered = false;
    inode->buffer.for_each_in(offset, end, [&](const WriteBuffer::Piece&) { buffered = true; });
    if (buffered) return fail(ENOTSUP, "some of it is in no volume yet");
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

}  // namespace ciaos::engine
