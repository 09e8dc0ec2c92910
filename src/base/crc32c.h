// CRC-32C (Castagnoli, RFC 3720 appendix B.4), by SSE4.2 or the ARMv8 CRC instructions where the processor
// has them, else by tables; chosen once at run time. All three give the same numbers.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace ciaos {

// Continues `seed` (a previous result, or any 32-bit seed) over `bytes`. crc32c(0, "123456789") is 0xE3069283.
std::uint32_t crc32c(std::uint32_t seed, ByteSpan bytes);
// The table version, for tests that compare.
std::uint32_t crc32c_portable(std::uint32_t seed, ByteSpan bytes);

}  // namespace ciaos
