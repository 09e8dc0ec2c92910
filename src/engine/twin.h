// A file of the host filesystem, without a name, that shares the blocks of a large file of ours, byte for byte: so the kernel can
// read by itself what would be a request otherwise.
//
//   being made: blocks are shared, and verified where readers see them ---> whole: may be handed out
//        |
//        +---> unfit: read as any other file <------------------------------------+ wrong bytes were found in it
//
// It is of contents that have one number. Compaction may move those and punch where they lay: the twin keeps its blocks, so
// it is a matter of space and none of truth.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "engine/turn.h"
#include "store/volume_set.h"

namespace ciaos::engine {

// Thread-safe.
class Twin {
 public:
  // Of a file of so many bytes, whose contents have the number `change`.
  Twin(std::uint64_t bytes, std::uint64_t change);

  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t change() const { return change_; }
  // Every byte of it was verified.
  bool is_whole() const { return state_ == State::whole; }
  bool is_unfit() const { return state_ == State::unfit; }
  void give_up();
  // For reading it and nothing else, whoever gets it. REQUIRES: it was whole once.
  int descriptor() const;

  // --- while it is being made ---
  // Before the rest of these. `device` is the one that the file's volumes are on.
  Status prepare(store::StoreDevice& device);
  // Once for each range, whoever asks. A range that ends off a block's border is the last.
  Status share(store::StoreDevice& device, const store::Device& volume, store::SharedRange range)
      EXCLUDES(mutex_);
  // For bytes that are no whole blocks of a volume: a few of them. ENOSPC; EFBIG: they are no few any more.
  Status copy(std::uint64_t offset, ByteSpan bytes);
  // Whether all of it was shared or copied, or is a hole.
  bool is_shared(std::uint64_t begin, std::uint64_t end) const EXCLUDES(mutex_);
  void note_shared(std::uint64_t begin, std::uint64_t end) EXCLUDES(mutex_);
  // Through the page cache, where whoever reads the whole twin finds the bytes. Reads that overtook others wait for them, so
  // that the host's reading ahead sees one reader, and keeps the bytes in large pages. REQUIRES: is_shared().
  Status read(std::uint64_t offset, MutableByteSpan into);
  // [begin, end) is what it should be. REQUIRES: begin on a block's border, and end as well, or where the file ends.
  // True: with this it is whole.
  bool note_verified(std::uint64_t begin, std::uint64_t end) EXCLUDES(mutex_);
  // What was not verified yet from `at` on, up to `most` bytes of it.
  std::optional<std::pair<std::uint64_t, std::uint64_t>> next_unverified(std::uint64_t at,
                                                                         std::uint64_t most) const
      EXCLUDES(mutex_);
  // Whether more was verified than was not.
  bool is_mostly_verified() const EXCLUDES(mutex_);
  // Whether a read of [begin, end) goes on where others came to: one that does not shall not have blocks shared for it alone.
  bool goes_on(std::uint64_t begin, std::uint64_t end) const EXCLUDES(mutex_);

  // What a twin of so many bytes takes of memory while it is being made.
  static std::uint64_t memory_of(std::uint64_t bytes);

 private:
  enum class State { being_made, whole, unfit };
  Status copy_in_turn(std::uint64_t offset, ByteSpan bytes);
  Status read_in_turn(std::uint64_t offset, MutableByteSpan into);
  Status make(store::StoreDevice& device);
  Status share_in_turn(store::StoreDevice& device, const store::Device& volume,
                       const store::SharedRange& range);

  const std::uint64_t bytes_;
  const std::uint64_t change_;
  std::atomic<State> state_{State::being_made};

  Turn sharing_;
  UniqueFd file_;             // guarded by sharing_; constant after prepare()
  std::uint64_t copied_ = 0;  // guarded by sharing_

  Turn reading_;
  std::uint64_t read_up_to_ = 0;  // guarded by reading_

  mutable Mutex mutex_;
  std::vector<bool> shared_ GUARDED_BY(mutex_);    // by block
  std::vector<bool> verified_ GUARDED_BY(mutex_);  // by block
  std::uint64_t unverified_ GUARDED_BY(mutex_);    // blocks
};

}  // namespace ciaos::engine
