#include "rpc/volume_reader.h"

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "store/format.h"
#include "store/needle.h"

namespace ciaos::rpc {
namespace {

using store::kBlockBytes;

// Up to so many bytes between the header and what is wanted, both are read in one go.
constexpr std::uint64_t kGapBytesMax = 64u << 10;

Status read_all(int fd, std::uint64_t offset, std::span<iovec> parts, const BeforeWaiting& before_waiting) {
  ssize_t wanted = 0;
  for (const iovec& part : parts) wanted += static_cast<ssize_t>(part.iov_len);
  const auto count = static_cast<int>(parts.size());
  // What is in the page cache; less than all of it, or EOPNOTSUPP of a filesystem that cannot tell, is read again.
  if (::preadv2(fd, parts.data(), count, static_cast<off_t>(offset), RWF_NOWAIT) == wanted) return {};
  before_waiting();
  const ssize_t got = ::preadv(fd, parts.data(), count, static_cast<off_t>(offset));
  if (got < 0) return fail(EIO, std::strerror(errno));
  return got == wanted ? Status{} : Status(fail(EUCLEAN, "a volume that ends early"));
}

iovec part_of(MutableByteSpan bytes) { return {bytes.data(), bytes.size()}; }

// Kept between reads of a thread.
MutableByteSpan scratch(std::size_t bytes) {
  thread_local ByteVector kept;
  if (kept.size() < bytes) kept.resize(bytes);
  return MutableByteSpan(kept).first(bytes);
}

}  // namespace

engine::LeasedPiece clipped(const engine::LeasedPiece& piece, std::uint64_t begin, std::uint64_t end) {
  engine::LeasedPiece part = piece;
  part.offset = std::max(begin, piece.offset);
  part.length = std::min(end, piece.end()) - part.offset;
  part.payload_offset += static_cast<std::uint32_t>(part.offset - piece.offset);
  return part;
}

Status read_leased(int volume, const Uuid& store, const engine::LeasedPiece& piece, MutableByteSpan into,
                   const BeforeWaiting& before_waiting) {
  const NeedlePlace& needle = piece.needle;
  const std::uint64_t wanted_end = piece.payload_offset + piece.length;
  if (into.size() != piece.length || needle.payload_bytes > store::kDataPayloadBytesMax ||
      wanted_end > needle.payload_bytes)
    return fail(EUCLEAN, "a piece that is none of its needle");
  const std::uint64_t header_bytes = store::needle_header_bytes(needle.payload_bytes);
  const std::uint64_t payload_at = store::payload_position(needle.at.offset, needle.payload_bytes);
  // Whole checksummed blocks of the payload.
  const std::uint64_t begin = align_down(piece.payload_offset, kBlockBytes);
  const std::uint64_t end = std::min<std::uint64_t>(align_up(wanted_end, kBlockBytes), needle.payload_bytes);
  const bool straight = begin == piece.payload_offset && end == wanted_end;
  const std::uint64_t gap = payload_at + begin - needle.at.offset;
  const std::uint64_t head_bytes = gap <= header_bytes + kGapBytesMax ? gap : header_bytes;
  const MutableByteSpan kept = scratch(head_bytes + (straight ? 0 : end - begin));
  const MutableByteSpan head = kept.first(head_bytes);
  const MutableByteSpan bytes = straight ? into : kept.subspan(head_bytes);
  std::array<iovec, 2> parts{part_of(head), part_of(bytes)};
  if (head_bytes == gap) {
    TRY_VOID(read_all(volume, needle.at.offset, parts, before_waiting));
  } else {
    TRY_VOID(read_all(volume, needle.at.offset, std::span(parts).first(1), before_waiting));
    TRY_VOID(read_all(volume, payload_at + begin, std::span(parts).last(1), before_waiting));
  }
  const auto header = store::decode_needle_header(store, needle.at, head);
  if (!header.ok() || header->place() != needle) return fail(EUCLEAN, "another needle, or none");
  TRY_VOID(store::verify_payload(store, *header, static_cast<std::uint32_t>(begin / kBlockBytes), bytes));
  if (!straight) std::memcpy(into.data(), bytes.data() + (piece.payload_offset - begin), into.size());
  return {};
}

}  // namespace ciaos::rpc
