// Where things lie in the log. Needles are written by `store` and named by rows of `meta`; these are the words
// that both use.
#pragma once

#include <compare>
#include <cstdint>

#include "base/digest.h"
#include "base/ids.h"

namespace ciaos {

// A byte of a volume in one of its lives.
struct VolumePosition {
  VolumeId volume;
  Generation generation;
  std::uint64_t offset = 0;
  auto operator<=>(const VolumePosition&) const = default;
};

// All that is needed to find a needle and to know that it is the one that was meant.
struct NeedlePlace {
  VolumePosition at;                // of the header's first byte
  std::uint32_t payload_bytes = 0;  // of the whole needle; fixes where its payload starts
  std::uint32_t header_crc = 0;     // as in the header: another value there is another needle
  auto operator<=>(const NeedlePlace&) const = default;
};

// One txn needle, and with it a state of the filesystem: everything up to and including its batch.
struct TxnRef {
  Sequence sequence;  // 0: before the first batch of a store
  Epoch epoch;
  Digest digest;          // of the txn needle, header and payload; the next one carries it
  VolumePosition at;      // of its header; meaningless for sequence 0
  VolumePosition resume;  // where the log goes on: the search for the next txn needle starts here
  bool operator==(const TxnRef&) const = default;
};

}  // namespace ciaos
