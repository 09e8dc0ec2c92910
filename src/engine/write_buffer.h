// Written bytes of one file that are no needle yet: pieces that neither overlap nor touch. Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>

#include "base/bytes.h"
#include "engine/piece_memory.h"

namespace ciaos::engine {

class WriteBuffer {
 public:
  // Newer bytes win. Pieces never grow beyond `piece_bytes_max`; longer runs are several pieces that touch. `memory` outlives
  // the buffer and what is taken out of it.
  void write(std::uint64_t offset, ByteSpan bytes, std::uint64_t piece_bytes_max, PieceMemory& memory);
  // Forgets [begin, end).
  void discard(std::uint64_t begin, std::uint64_t end);

  bool empty() const { return pieces_.empty(); }
  std::uint64_t bytes() const { return bytes_; }
  std::size_t pieces() const { return pieces_.size(); }

  struct Piece {
    std::uint64_t offset = 0;
    ByteSpan bytes;
    std::uint64_t end() const { return offset + bytes.size(); }
  };
  // Calls `visit` with the parts of pieces inside [begin, end), in order.
  template <typename Visit>
  void for_each_in(std::uint64_t begin, std::uint64_t end, Visit&& visit) const {
    auto at = first_ending_after(begin);
    for (; at != pieces_.end() && at->first < end; ++at) {
      const std::uint64_t from = std::max(begin, at->first);
      const std::uint64_t to = std::min(end, at->first + at->second.size());
      visit(Piece{from, at->second.span().subspan(from - at->first, to - from)});
    }
  }

  // The first piece that ends behind `offset`.
  std::optional<Piece> next_piece(std::uint64_t offset) const {
    const auto at = first_ending_after(offset);
    if (at == pieces_.end()) return std::nullopt;
    return Piece{at->first, at->second.span()};
  }

  // The piece at or after `offset`, whole, taken out.
  struct TakenPiece {
    std::uint64_t offset = 0;
    PieceBytes bytes;
  };
  TakenPiece take_first();
  // The first piece that has reached `bytes`, taken out, if one has.
  std::optional<TakenPiece> take_full(std::uint64_t bytes);

 private:
  using Map = std::map<std::uint64_t, PieceBytes>;
  Map::const_iterator first_ending_after(std::uint64_t offset) const;
  TakenPiece take(Map::iterator at);
  void keep(std::uint64_t offset, ByteSpan bytes, PieceMemory& memory);

  Map pieces_;
  std::uint64_t bytes_ = 0;
};

}  // namespace ciaos::engine
