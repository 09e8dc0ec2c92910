// Reads that somebody begins and does not wait for.
#include "engine/files.h"

namespace ciaos::engine {
namespace {

// What is read whole before anybody has asked for its bytes.
constexpr std::uint64_t kSmallFileBytesMax = 256u << 10;

}  // namespace

BegunRead Files::begin_read(InodeId id, std::uint64_t offset, MutableByteSpan into) {
  BegunRead begun;
  const InodeRef inode = core_.inodes->find(id);
  if (!inode) return begun;
  const ReadEpochs::Ticket ticket(core_.read_epochs);
  std::vector<Piece> pieces;
  const std::byte* const end = into.data() + into.size();
  {
    ReaderLock lock(inode->mutex);
    if (!check_regular(*inode).ok() || !inode->extents_known) return begun;
    begun.state = store::BegunNeedle::State::at_once;
    if (offset >= inode->row.size) return begun;
    into = into.first(std::min<std::uint64_t>(into.size(), inode->row.size - offset));
    auto planned = plan_read(*inode, offset, into);
    if (planned.ok()) pieces = *std::move(planned);
  }
  if (pieces.size() > 1) begun.state = store::BegunNeedle::State::may_wait;
  if (pieces.size() != 1) return begun;
  const Piece& piece = pieces.front();
  // Behind the end of the file nobody looks.
  const bool last = piece.into.data() + piece.into.size() == into.data() + into.size();
  const std::size_t room = last ? static_cast<std::size_t>(end - piece.into.data()) : piece.into.size();
  auto [state, read] = core_.reader->begin(piece.needle, piece.offset, piece.into, room);
  begun.state = state;
  begun.device_read = std::move(read);
  begun.inode = id;
  begun.offset = offset;
  begun.into = into;
  begun.needle = piece.needle;
  begun.needle_offset = piece.offset;
  begun.needle_into = piece.into;
  return begun;
}

Result<std::size_t> Files::end_read(const BegunRead& begun) {
  if (core_.reader->end(*begun.device_read, begun.needle, begun.needle_offset, begun.needle_into).ok())
    return begun.into.size();
  return read(begun.inode, begun.offset, begun.into);
}

void Files::expect_read(InodeId id) {
  const InodeRef inode = core_.inodes->find(id);
  if (!inode) return;
  NeedlePlace needle;
  const ReadEpochs::Ticket ticket(
      core_.read_epochs);  // so that no volume is opened again that is being given back
  {
    ReaderLock lock(inode->mutex);
    if (!inode->exists() || !S_ISREG(inode->row.mode) || inode->row.size > kSmallFileBytesMax) return;
    if (!inode->extents_known || inode->extents.size() != 1 || !inode->buffer.empty()) return;
    const meta::Extent& extent = inode->extents.front();
    // Of a larger needle only a part would be wanted.
    if (extent.row.is_reserved() || extent.row.needle.payload_bytes > kSmallFileBytesMax) return;
    needle = extent.row.needle;
  }
  core_.reader->read_ahead(needle);
}

void Files::read_ahead(InodeId id, std::uint64_t begin, std::uint64_t end) {
  const InodeRef inode = core_.inodes->find(id);
  if (!inode) return;
  std::vector<NeedlePlace> needles;
  const ReadEpochs::Ticket ticket(core_.read_epochs);
  {
    ReaderLock lock(inode->mutex);
    if (!inode->exists() || !inode->extents_known) return;
    const auto extents = overlapping(*inode, begin, end);
    if (!extents.ok()) return;
    for (const meta::Extent& extent : *extents)
      if (!extent.row.is_reserved()) needles.push_back(extent.row.needle);
  }
  for (const NeedlePlace& needle : needles) core_.reader->read_ahead(needle);
}

}  // namespace ciaos::engine
