// Moves what lives in a sealed volume to the tail of the log, so that the volume can be given back whole.
//
//   rows of the index that name the volume ──> needles read and verified ──> appended ──> rows changed
//        (applied state: none can be missing)      (no lock held)              (one batch, under the inodes' locks)
//
// A row that changed since the index was asked is left alone: either it names the volume no more, or the index will say so
// at the next pass. While a move is not durable and applied, the old needle is named by the applied rows and stays
// (invariant 3). Nothing that users can see changes: no times, no change number.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "engine/core.h"
#include "engine/files.h"

namespace ciaos::engine {

// Not thread-safe: one volume at a time.
class VolumeEmptier {
 public:
  VolumeEmptier(Core& core, Files& files) : core_(core), files_(files) {}

  struct Outcome {
    std::uint64_t moved_bytes = 0;
    bool empty = false;  // no row of the applied index names the volume any more
    // Needles that could not be read and stay where they are; the volume cannot be given back.
    std::uint64_t damaged = 0;
  };
  // `promise` bytes of log space are the caller's reservation; what was used of it is given back as it is used, and
  // `promise` lowered. `go_on(bytes)` is called after each step without locks; false stops early.
  Result<Outcome> empty(const meta::VolumeUsage& volume, std::uint64_t& promise,
                        const std::function<bool(std::uint64_t)>& go_on);

 private:
  struct Row {
    InodeId inode;
    meta::Extent extent;
  };
  // A run of a needle's payload that rows name, and those rows.
  struct Move {
    NeedlePlace from;
    std::uint64_t begin = 0;  // in the payload
    std::uint64_t end = 0;
    std::vector<Row> rows;
    ByteVector bytes;
  };

  struct Page {
    std::vector<Row> rows;
    std::uint64_t next = 0;  // needle offset to go on at
    bool last = false;
  };
  Result<Page> next_page(const meta::VolumeUsage& volume, std::uint64_t from);
  static std::vector<Move> moves_of(std::vector<Row> rows);
  Status drop_changed_rows(std::vector<Row>& rows, std::map<InodeId, InodeRef>& inodes);
  // False where the needle is damaged.
  Result<bool> read(Move& move);
  Status carry_out(const std::vector<Move>& moves, std::map<InodeId, InodeRef>& inodes,
                   std::uint64_t& promise);
  Result<NeedlePlace> place_for(const Move& move, std::uint64_t& begin, std::uint64_t& promise);
  Status catch_up();

  Core& core_;
  Files& files_;
  // The needle moved last: rows that share it may come in several pages, and go on sharing.
  struct Moved {
    NeedlePlace from;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    NeedlePlace to;
  };
  std::optional<Moved> last_;
  std::optional<meta::IndexReader> reader_;
};

}  // namespace ciaos::engine
