// Verified reads of needle payloads: what files are made of.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/log_position.h"
#include "base/uuid.h"
#include "store/log_writer.h"
#include "store/started_read.h"
#include "store/volume_set.h"

namespace ciaos::store {

struct ReaderStats {
  std::uint64_t device_reads = 0;  // read requests given to devices
  std::uint64_t device_read_bytes = 0;
  std::uint64_t device_read_ns =
      0;                        // that readers waited for them, or that those took which nobody waited for
  std::uint64_t verify_ns = 0;  // and for checksums
  std::uint64_t header_cache_hits = 0;
  std::uint64_t reads_ahead = 0;         // of needles that nobody had asked for yet; in device_reads, too
  std::uint64_t reads_ahead_wanted = 0;  // reads that found one of them
  std::uint64_t damaged = 0;             // reads that ended with EUCLEAN
};

// What NeedleReader::begin() has found.
struct BegunNeedle {
  enum class State {
    at_once,    // the bytes are in memory, or were just now, so read() will hardly wait for a device
    under_way,  // `read` is; when it has ended, end() has the bytes
    may_wait,   // neither
  };
  State state = State::may_wait;
  std::shared_ptr<StartedRead> read;
};

// Thread-safe. Keeps the CRC tables of large needles in an LRU of at most `header_cache_bytes`, so that a needle costs at most
// one device read more than its payload the first time it is touched, and none after that. A needle of up to 256 KiB is one
// device read together with its header.
class NeedleReader {
 public:
  // What is on its way, or here and not yet asked for, takes no more.
  static constexpr std::size_t kAheadBytesMax = 16u << 20;
  // What was read ahead is kept for so long; then it makes room.
  static constexpr std::uint64_t kAheadNs = 200'000'000;

  // `unwritten` may be null (read-only mounts, fsck); else it outlives the reader.
  NeedleReader(VolumeSet& volumes, const Uuid& store, LogWriter* unwritten, std::uint64_t header_cache_bytes);
  ~NeedleReader();

  // Fills `into` with payload bytes [offset, offset + into.size()) of the needle at `place`. Every byte was verified
  // (invariant 4). EUCLEAN: wrong bytes, or another needle than `place` means; EIO: the device refused; ENOENT: the volume
  // is gone. REQUIRES: the range lies inside the payload.
  Status read(const NeedlePlace& place, std::uint64_t offset, MutableByteSpan into);

  // For who must not wait: begins what read() of the same range does, if the calling thread runs a ReadStarter.
  // Where the device's blocks are such that they can, the bytes go straight to where they are wanted, which is at least `room`
  // bytes of memory that may be written over, and there as long as the read.
  BegunNeedle begin(const NeedlePlace& place, std::uint64_t offset, MutableByteSpan into, std::size_t room);
  // Takes the bytes out of `read`, which has ended, verified. The arguments are those of begin(). Any error: they are not
  // there, or not right; whether that is damage tells a read() of where the bytes lie now, since nothing has kept them there
  // meanwhile.
  Status end(const StartedRead& read, const NeedlePlace& place, std::uint64_t offset, MutableByteSpan into);

  // Begins to read the whole needle for somebody who is going to want it; a read() of it finds it. Advice: does nothing where
  // it would have to wait, or where kAheadBytesMax of others are there that somebody may still want, and verifies nothing.
  void read_ahead(const NeedlePlace& place);

  // Whether `bytes`, which came from elsewhere, are those that read() would bring. `offset` is on a piece's border, and so is
  // their end unless it is the payload's. EUCLEAN: they are not. Reads the header if that is not known.
  Status verify(const NeedlePlace& place, std::uint64_t offset, ByteSpan bytes);

  // Reads the headers that are not known of these needles at once, for verify() to find. What cannot be read is left to that.
  void learn_headers(std::span<const NeedlePlace> places);

  // Forgets everything kept of a volume that is given back.
  void forget_volume(VolumeId volume);
  // For cold benchmarks.
  void drop_caches();
  ReaderStats stats() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ciaos::store
