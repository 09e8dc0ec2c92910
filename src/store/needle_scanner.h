// Finds needle headers in a run of bytes of a volume, forward, through large aligned reads.
#pragma once

#include <memory>

#include "base/uuid.h"
#include "store/device.h"
#include "store/needle.h"

namespace ciaos::store {

// Not thread-safe. Steps over payloads by what headers say; where there is no needle, tries every boundary on which one
// may start. Payloads are not read unless asked for.
class NeedleScanner {
 public:
  // Needles that start in [begin.offset, end); those that would cross the volume's end are none.
  NeedleScanner(std::shared_ptr<Device> volume, const Uuid& store, const VolumePosition& begin,
                std::uint64_t end);

  // The next header that verifies, or null at the end; the scanner's own, until it is asked again. ENOTSUP: one of a later
  // format. An error of the device.
  Result<const NeedleHeader*> next();
  // Of the needle that next() returned last: its header and CRC table as they stand there. Until next() is called again.
  ByteSpan header_bytes() const {
    return shown_from(found_.at.offset).first(needle_header_bytes(found_.payload_bytes));
  }
  // Of non-zero bytes that were no needle, between it and the one before.
  std::uint64_t skipped_bytes() const { return skipped_bytes_; }
  // The needle that next() returned last is not to be stepped over: goes on inside of it.
  void search_inside() { position_ = found_.at.offset + kNeedleAlignment; }

 private:
  // Makes [position, position + bytes), or what the volume has of it, lie in the window.
  Status show(std::uint64_t position, std::size_t bytes);
  ByteSpan shown_from(std::uint64_t position) const;
  Result<bool> find_at(std::uint64_t position);
  // The first place from `position` on, within the window, where a needle may start.
  std::uint64_t skip_to_magic(std::uint64_t position);

  const std::shared_ptr<Device> volume_;
  const Uuid store_;
  const VolumeId id_;
  const Generation generation_;
  const std::uint64_t volume_bytes_;
  const std::uint64_t end_;
  std::uint64_t position_;
  IoBuffer window_;
  std::uint64_t window_begin_ = 0;
  std::size_t window_bytes_ = 0;
  std::size_t read_bytes_;
  NeedleHeader found_;
  std::uint64_t skipped_bytes_ = 0;
};

// The payload of a needle whose header was read from this volume, verified. EUCLEAN, or an error of the device.
Result<ByteVector> read_payload(Device& volume, const Uuid& store, const NeedleHeader& header);
// The same without keeping it: a large payload in pieces.
Status check_payload(Device& volume, const Uuid& store, const NeedleHeader& header);

}  // namespace ciaos::store
