// What is wrong with the bytes of a needle, piece by piece: for a scrubber, which must not stop at the first bad one.
#pragma once

#include <memory>
#include <vector>

#include "base/log_position.h"
#include "base/uuid.h"
#include "store/device.h"
#include "store/needle.h"

namespace ciaos::store {

// Payload bytes [begin, end) of a needle that cannot be had.
struct DamagedPiece {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t position = 0;  // in the volume, of the bytes to blame: the payload's, or the header's
  int code = 0;                // EUCLEAN: wrong bytes; EIO: the device refused
  bool operator==(const DamagedPiece&) const = default;
};

// Not thread-safe. Reads forward through a window, so needles that lie beside each other cost one read; asks a device that
// refuses for each piece alone.
class NeedleChecker {
 public:
  NeedleChecker(std::shared_ptr<Device> volume, const Uuid& store);

  // In order, neighbours of one kind joined; empty: every byte verifies. A bad header takes the whole payload along.
  std::vector<DamagedPiece> check(const NeedlePlace& place);
  // Given to the device since this was asked last.
  std::uint64_t take_bytes_read();

 private:
  Result<ByteSpan> show(std::uint64_t position, std::size_t bytes);
  Status fill(std::uint64_t begin, std::uint64_t end);
  Result<NeedleHeader> read_header(const NeedlePlace& place);

  const std::shared_ptr<Device> volume_;
  const Uuid store_;
  IoBuffer window_;
  std::uint64_t window_begin_ = 0;
  std::uint64_t window_end_ = 0;
  std::uint64_t refused_until_ = 0;  // a long read that ended here failed
  std::uint64_t bytes_read_ = 0;
};

}  // namespace ciaos::store
