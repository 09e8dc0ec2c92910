#include "engine/write_buffer.h"

#include <utility>

#include "base/assert.h"

namespace ciaos::engine {

WriteBuffer::Map::const_iterator WriteBuffer::first_ending_after(std::uint64_t offset) const {
  auto at = pieces_.upper_bound(offset);
  if (at != pieces_.begin()) {
    const auto before = std::prev(at);
    if (before->first + before->second.size() > offset) return before;
  }
  return at;
}

void WriteBuffer::write(std::uint64_t offset, ByteSpan bytes, std::uint64_t piece_bytes_max,
                        PieceMemory& memory) {
  CIAOS_ASSERT(piece_bytes_max > 0);
  while (!bytes.empty()) {
    auto next = pieces_.upper_bound(offset);
    if (next != pieces_.begin()) {
      const auto before = std::prev(next);
      PieceBytes& piece = before->second;
      const std::uint64_t inside = offset - before->first;
      if (inside < piece.size()) {  // overwrites in place
        const std::size_t count = std::min<std::uint64_t>(piece.size() - inside, bytes.size());
        std::ranges::copy(bytes.first(count), piece.span().subspan(inside).begin());
        offset += count;
        bytes = bytes.subspan(count);
        continue;
      }
      if (inside == piece.size() && piece.size() < piece_bytes_max) {  // grows it, up to the next one
        std::uint64_t count = std::min<std::uint64_t>(piece_bytes_max - piece.size(), bytes.size());
        if (next != pieces_.end()) count = std::min(count, next->first - offset);
        if (count > 0) {
          piece.append(bytes.first(count));
          bytes_ += count;
          offset += count;
          bytes = bytes.subspan(count);
          continue;
        }
      }
    }
    std::uint64_t count = std::min<std::uint64_t>(piece_bytes_max, bytes.size());
    if (next != pieces_.end()) count = std::min(count, next->first - offset);
    if (count == 0) {  // the next piece starts right here: the loop overwrites it
      CIAOS_ASSERT(next != pieces_.end() && next->first == offset);
      continue;
    }
    keep(offset, bytes.first(count), memory);
    offset += count;
    bytes = bytes.subspan(count);
  }
}

void WriteBuffer::discard(std::uint64_t begin, std::uint64_t end) {
  if (begin >= end) return;
  auto at = pieces_.upper_bound(begin);
  if (at != pieces_.begin()) --at;
  while (at != pieces_.end() && at->first < end) {
    const std::uint64_t piece_begin = at->first;
    const std::uint64_t piece_end = piece_begin + at->second.size();
    if (piece_end <= begin) {
      ++at;
      continue;
    }
    TakenPiece piece = take(at++);
    const ByteSpan bytes = std::as_const(piece.bytes).span();
    if (piece_begin < begin) keep(piece_begin, bytes.first(begin - piece_begin), piece.bytes.memory());
    if (piece_end > end) keep(end, bytes.subspan(end - piece_begin), piece.bytes.memory());
  }
}

void WriteBuffer::keep(std::uint64_t offset, ByteSpan bytes, PieceMemory& memory) {
  bytes_ += bytes.size();
  pieces_.emplace(offset, PieceBytes(memory, bytes));
}

WriteBuffer::TakenPiece WriteBuffer::take(Map::iterator at) {
  TakenPiece piece{at->first, std::move(at->second)};
  bytes_ -= piece.bytes.size();
  pieces_.erase(at);
  return piece;
}

WriteBuffer::TakenPiece WriteBuffer::take_first() {
  CIAOS_ASSERT(!pieces_.empty());
  return take(pieces_.begin());
}

std::optional<WriteBuffer::TakenPiece> WriteBuffer::take_full(std::uint64_t bytes) {
  for (auto at = pieces_.begin(); at != pieces_.end(); ++at) {
    if (at->second.size() >= bytes) return take(at);
  }
  return std::nullopt;
}

}  // namespace ciaos::engine
