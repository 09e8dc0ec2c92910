// Needle bytes on their way to a device: blocks in memory, in the order in which they were appended.
//
//   open ----seal()----> sealed ----take_ready()----> writing ----finish()----> written, forgotten
//
// A chunk is a run of whole blocks of one volume. A needle's bytes lie in one chunk. When a chunk is sealed inside a
// block because the next needle does not fit its memory, that block is not written with it: its bytes are carried to
// the next chunk, which begins with it. So no block is handed to the device twice, and no padding is spent but where a
// flush asks for it. The chunk that was carried from stays readable until the block that it shares is written.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/log_position.h"
#include "base/mutex.h"
#include "store/device.h"
#include "store/volume_pool.h"

namespace ciaos::store {

// Buffers of written chunks, kept for the next ones: memory for direct I/O is costly to make. Thread-safe.
class BufferPool {
 public:
  BufferPool(std::size_t buffer_bytes, std::size_t buffers_max)
      : buffer_bytes_(buffer_bytes), buffers_max_(buffers_max) {}
  // At least `bytes`; what is in it is unspecified.
  IoBuffer take(std::size_t bytes) EXCLUDES(mutex_);
  void give(IoBuffer buffer) EXCLUDES(mutex_);

 private:
  const std::size_t buffer_bytes_;
  const std::size_t buffers_max_;
  Mutex mutex_;
  std::vector<IoBuffer> buffers_ GUARDED_BY(mutex_);
};

struct Chunk {
  enum class State { open, sealed, writing, written };

  Chunk(BufferPool& pool, const VolumeStart& in, std::uint64_t first_byte, std::size_t capacity)
      : buffers(pool), volume(in), begin(first_byte), buffer(pool.take(capacity)) {}
  ~Chunk() { buffers.give(std::move(buffer)); }
  Chunk(const Chunk&) = delete;
  Chunk& operator=(const Chunk&) = delete;

  std::uint64_t end() const { return begin + filled; }
  // REQUIRES: sealed.
  bool writes_into(std::uint64_t from, std::uint64_t to) const {
    return from < begin + write_bytes && begin < to;
  }

  BufferPool& buffers;
  const VolumeStart volume;
  const std::uint64_t begin;  // a block's first byte
  IoBuffer buffer;
  State state = State::open;
  std::uint64_t number = 0;
  std::size_t filled = 0;
  std::size_t write_bytes = 0;      // whole blocks, fixed when it is sealed
  std::uint32_t encoding = 0;       // needles reserved here and not yet completed
  std::shared_ptr<Chunk> carry_to;  // takes the bytes behind write_bytes once nothing is being encoded here
  bool carried = true;
};

// Guarded by the writer's mutex. Does no I/O.
class ChunkQueue {
 public:
  // Keeps memory for `kept_bytes_max` of chunks: as much as may wait to be written at once.
  ChunkQueue(std::size_t chunk_bytes, std::size_t kept_bytes_max)
      : chunk_bytes_(chunk_bytes),
        // A longest needle, its header, and what it shares of a block with the one before.
        buffers_(chunk_bytes + 2 * kBlockBytes, kept_bytes_max / chunk_bytes) {}

  struct Slot {
    std::shared_ptr<Chunk> chunk;
    std::size_t at = 0;  // in the chunk's buffer
  };
  // Room for a needle at [begin, end) of the volume. REQUIRES: begin is at most one alignment gap behind the last slot, or
  // nothing is open and begin lies in a block that was never handed out.
  Slot reserve(const VolumeStart& volume, std::uint64_t begin, std::uint64_t end);
  // The needle's bytes are all there.
  void complete(Chunk& chunk);
  // Pads the open chunk to a block with zeros, so that all of it can be written. Number of the last chunk sealed so far.
  std::uint64_t flush();

  // The next chunks that may be written, up to that number: in order, each after all before it were taken. None when
  // the first in order still waits for a needle or overlaps [zeros_begin, zeros_end) of `zeros_in`, where a write is
  // under way.
  struct Busy {
    VolumePosition begin;
    std::uint64_t end = 0;
  };
  std::vector<std::shared_ptr<Chunk>> take_ready(std::uint64_t last_number, std::size_t bytes_max,
                                                 const Busy& zeros);
  void finish(Chunk& chunk);
  bool all_written(std::uint64_t last_number) const;

  // The oldest chunk that holds all of [begin, end) and is not written whole; or null.
  std::shared_ptr<Chunk> find(const VolumePosition& begin, std::uint64_t end) const;
  // Sealed and not yet written.
  std::uint64_t waiting_bytes() const { return waiting_bytes_; }

 private:
  void seal(std::size_t write_bytes);
  void carry(Chunk& chunk);
  void forget_written();

  const std::size_t chunk_bytes_;
  BufferPool buffers_;  // outlives the chunks below
  std::deque<std::shared_ptr<Chunk>> chunks_;
  std::shared_ptr<Chunk> open_;
  std::uint64_t last_sealed_ = 0;
  std::uint64_t waiting_bytes_ = 0;
};

}  // namespace ciaos::store
