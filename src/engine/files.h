// Contents of regular files: write buffers, extents, reads. A needle's life begins in write() and flush().
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "engine/begun_read.h"
#include "engine/core.h"
#include "engine/types.h"

namespace ciaos::engine {

inline constexpr std::uint64_t kRecordsPerClone = 512 * 1024;
// Bytes of records that a buffered piece costs when it becomes a needle: its extent and what it leaves of two others.
inline constexpr std::size_t kRecordsPerPiece = 192;
inline constexpr std::uint64_t kEndOfFile = std::numeric_limits<std::uint64_t>::max();

// Thread-safe as a whole; calls marked LOCKED want the gate passed and the inode locked exclusively by the caller.
class Files {
 public:
  explicit Files(Core& core) : core_(core) {}

  Result<std::size_t> read(InodeId id, std::uint64_t offset, MutableByteSpan into);
  Result<std::size_t> write(InodeId id, std::uint64_t offset, ByteSpan from, Engine::WriteMode mode);

  // As Reads has them (file_reads.cc).
  BegunRead begin_read(InodeId id, std::uint64_t offset, MutableByteSpan into);
  Result<std::size_t> end_read(const BegunRead& begun);
  void expect_read(InodeId id);

  // The needles of [begin, end) are on their way when this returns, as far as that takes no waiting.
  void read_ahead(InodeId id, std::uint64_t begin, std::uint64_t end);

  // Engine::lease(), of this class as the others of these names are.
  Result<std::vector<LeasedPiece>> lease(const Leases::Holder& holder, InodeId id, std::uint64_t offset,
                                         std::uint64_t length, std::size_t limit);

  // The extents that touch [begin, end), whole and in order, of contents that have the number `change`. Nothing: they have
  // another one by now, or are not all in needles. Under a read-epoch ticket.
  Result<std::optional<std::vector<meta::Extent>>> stored(InodeId id, std::uint64_t change,
                                                          std::uint64_t begin, std::uint64_t end);

  Result<std::uint64_t> seek(InodeId id, std::uint64_t offset, SeekTo what);
  Status change_range(InodeId id, const RangeChange& change);
  Result<std::uint64_t> clone_range(const CloneRange& range);

  // LOCKED. Sets the size; what lies behind a shorter one is gone. Times and row are the caller's.
  Status resize(Inode& inode, std::uint64_t size);
  // Before resize(), without locks: takes so much from the end, in steps, that what is left to cut fits a batch; as many
  // rows at most.
  Result<std::size_t> shorten(Inode& inode, std::uint64_t size, bool clears_set_id);
  // LOCKED. Frees up to `rows_max` extents from the front of a file that nobody can see any more. True when none are left.
  Result<bool> free_extents(Inode& inode, std::size_t rows_max);

  // LOCKED, both. clone_range() for who has promised kRecordsPerClone of log space.
  Result<std::uint64_t> clone_locked(Inode& from, Inode& to, const CloneRange& range);

  // The inode locked, shared is enough. Whether `extent` is a row of the file as it stands.
  Result<bool> names(Inode& inode, const meta::Extent& extent);
  // LOCKED. The same bytes from now on lie at `to`; false, and nothing changed, when the file no longer has that extent.
  Result<bool> redirect(Inode& inode, const meta::Extent& extent, const meta::ExtentRow& to);

  // Buffers of all dirty files become needles. `inside_gate`: the caller has closed the gate.
  Status flush_all(bool inside_gate);
  // Of one inode, without locks.
  Status flush_outside_gate(InodeRef inode);
  // Joins runs of small extents of a file into larger needles, so that their number stays bounded by its size.
  Status join_small_extents(InodeId id);
  // Files that join_small_extents() is wanted for; clears the list.
  std::vector<InodeId> take_fragmented();

 private:
  struct Piece {  // one device read
    NeedlePlace needle;
    std::uint64_t offset = 0;  // in the payload
    MutableByteSpan into;
  };
  struct Range {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };
  static Status check_regular(const Inode& inode);
  Result<std::vector<Piece>> plan_read(Inode& inode, std::uint64_t offset, MutableByteSpan into);
  Status load_extents(Inode& inode);
  // In order, the first `limit` of them.
  Result<std::vector<meta::Extent>> overlapping(
      Inode& inode, std::uint64_t begin, std::uint64_t end,
      std::size_t limit = std::numeric_limits<std::uint32_t>::max());
  // Some bytes that were written, the first at or behind `at`; what touches them may be written too.
  Result<std::optional<Range>> next_data(Inode& inode, std::uint64_t at);
  // Up to where one step came.
  Result<std::uint64_t> change_range_step(Inode& inode, const RangeChange& change, std::uint64_t begin,
                                          std::uint64_t end);
  // --- reserved ranges (file_reservations.cc) ---
  Status reserve_range(Inode& inode, const RangeChange& change);
  // Up to where one step came; `held` bytes are held for what it finds without extents, and less afterwards.
  Result<std::uint64_t> reserve_step(Inode& inode, const RangeChange& change, std::uint64_t begin,
                                     std::uint64_t& held);
  // Bytes of [begin, end) that no extent covers.
  Result<std::uint64_t> bytes_without_extents(Inode& inode, std::uint64_t begin, std::uint64_t end);
  // How far from `begin` on, at most to `end`, room is held for what is written: reserved, and nothing buffered.
  Result<std::uint64_t> reserved_up_to(Inode& inode, std::uint64_t begin, std::uint64_t end);
  // Log space for a write, or for the front of it if a reserved range is all that a full store has left.
  struct Grant {
    std::size_t bytes = 0;       // of the write
    std::uint64_t promised = 0;  // of log space
    store::Claim claim = store::Claim::fresh;
  };
  // Nothing when the range that the grant is for is no longer reserved.
  Result<std::optional<std::size_t>> write_granted(Inode& inode, std::uint64_t offset, ByteSpan from,
                                                   Engine::WriteMode mode, const Grant& grant);
  Result<Grant> grant_write(Inode& inode, std::uint64_t offset, std::size_t bytes, bool append);

  // Room in the inode's tree for a write. True: only what is written where nothing was yet has some. EDQUOT.
  Result<bool> claim_write(Inode& inode, std::uint64_t offset, std::uint64_t bytes);
  void discard_buffered(Inode& inode, std::uint64_t begin, std::uint64_t end);
  // The inode's row after a change of its contents.
  void note_contents(Inode& inode, bool clears_set_id);
  // How many bytes were taken; an error if none was.
  Result<std::size_t> buffer(Inode& inode, std::uint64_t offset, ByteSpan from);
  Status flush(Inode& inode);
  // Inside the gate, or with it closed; locks the inode.
  Status flush_dirty(Inode& inode);
  Status flush_taken(Inode& inode, const WriteBuffer::TakenPiece& piece);
  Status flush_piece(Inode& inode, std::uint64_t offset, ByteSpan bytes);
  Status lay(Inode& inode, const meta::Extent& extent);
  void note_edit(Inode& inode, const meta::ExtentEdit& edit);
  void note_fragmented(const Inode& inode, const meta::Extent& last);

  Core& core_;
  Mutex fragmented_mutex_;
  std::vector<InodeId> fragmented_ GUARDED_BY(fragmented_mutex_);
};

}  // namespace ciaos::engine
