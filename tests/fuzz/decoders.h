// Everything that turns bytes of a device or of a peer into values, one entry each, for bytes of any kind: a decoder refuses or
// answers within its bounds, and what it answered is written and read again as the same. Anything else ends the process.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"

namespace ciaos::fuzz {

struct Decoder {
  const char* name;
  // Bytes that decode, for a start.
  ByteVector (*example)(std::uint64_t seed);
  // True if they decode.
  bool (*decode)(ByteSpan bytes);
};

// Where bytes carry a checksum, decode() makes it right first: who can write the device can do so too. Not thread-safe: some
// keep the store in which they put the bytes.
const std::vector<Decoder>& decoders();

}  // namespace ciaos::fuzz
