#include "base/crc32c.h"

#include <array>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#ifndef HWCAP_CRC32
#define HWCAP_CRC32 (1 << 7)
#endif
#endif

namespace ciaos {
namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78;  // reflected

using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t n = 0; n < 256; ++n) {
    std::uint32_t crc = n;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? (crc >> 1) ^ kPolynomial : crc >> 1;
    tables[0][n] = crc;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t n = 0; n < 256; ++n) {
      const std::uint32_t previous = tables[k - 1][n];
      tables[k][n] = (previous >> 8) ^ tables[0][previous & 0xFF];
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

#if defined(__x86_64__)
// Three independent streams hide the instruction's latency of three cycles; their results are joined with
// one table lookup per byte of the distance, precomputed for the one distance used (one third of 4 KiB).
constexpr std::size_t kStride = 1360;  // 3 * 1360 = 4080, a multiple of 8 close below 4096

constexpr std::uint32_t shift_bytes(std::uint32_t crc, std::size_t zeros) {
  for (std::size_t i = 0; i < zeros; ++i) crc = kTables[0][crc & 0xFF] ^ (crc >> 8);
  return crc;
}

constexpr std::array<std::array<std::uint32_t, 256>, 4> make_shift_table(std::size_t zeros) {
  std::array<std::uint32_t, 32> basis{};
  for (std::size_t bit = 0; bit < 32; ++bit) basis[bit] = shift_bytes(std::uint32_t{1} << bit, zeros);
  std::array<std::array<std::uint32_t, 256>, 4> table{};
  for (std::size_t byte = 0; byte < 4; ++byte) {
    for (std::size_t n = 0; n < 256; ++n) {
      std::uint32_t sum = 0;
      for (std::size_t bit = 0; bit < 8; ++bit) {
        if ((n >> bit & 1) != 0) sum ^= basis[byte * 8 + bit];
      }
      table[byte][n] = sum;
    }
  }
  return table;
}

const std::array<std::array<std::uint32_t, 256>, 4>& shift_table() {
  static const auto table = make_shift_table(kStride);
  return table;
}

std::uint32_t shifted(std::uint32_t crc) {
  const auto& table = shift_table();
  return table[0][crc & 0xFF] ^ table[1][crc >> 8 & 0xFF] ^ table[2][crc >> 16 & 0xFF] ^ table[3][crc >> 24];
}

__attribute__((target("sse4.2"))) std::uint32_t crc32c_sse42(std::uint32_t seed, ByteSpan bytes) {
  std::uint64_t crc = ~seed;
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  while (left >= 3 * kStride) {
    std::uint64_t a = crc;
    std::uint64_t b = 0;
    std::uint64_t c = 0;
    for (std::size_t i = 0; i < kStride; i += 8) {
      a = _mm_crc32_u64(a, load_le<std::uint64_t>(at + i));
      b = _mm_crc32_u64(b, load_le<std::uint64_t>(at + kStride + i));
      c = _mm_crc32_u64(c, load_le<std::uint64_t>(at + 2 * kStride + i));
    }
    crc = shifted(shifted(static_cast<std::uint32_t>(a)) ^ static_cast<std::uint32_t>(b)) ^ c;
    at += 3 * kStride;
    left -= 3 * kStride;
  }
  for (; left >= 8; at += 8, left -= 8) crc = _mm_crc32_u64(crc, load_le<std::uint64_t>(at));
  for (; left > 0; ++at, --left) {
    crc = _mm_crc32_u8(static_cast<std::uint32_t>(crc), std::to_integer<std::uint8_t>(*at));
  }
  return ~static_cast<std::uint32_t>(crc);
}
#elif defined(__aarch64__)
__attribute__((target("+crc"))) std::uint32_t crc32c_armv8(std::uint32_t seed, ByteSpan bytes) {
  std::uint32_t crc = ~seed;
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) crc = __crc32cd(crc, load_le<std::uint64_t>(at));
  for (; left > 0; ++at, --left) crc = __crc32cb(crc, std::to_integer<std::uint8_t>(*at));
  return ~crc;
}
#endif

using Function = std::uint32_t (*)(std::uint32_t, ByteSpan);

Function choose() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return crc32c_sse42;
#elif defined(__aarch64__)
  if ((getauxval(AT_HWCAP) & HWCAP_CRC32) != 0) return crc32c_armv8;
#endif
  return crc32c_portable;
}

}  // namespace

std::uint32_t crc32c_portable(std::uint32_t seed, ByteSpan bytes) {
  std::uint32_t crc = ~seed;
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    const std::uint64_t word = load_le<std::uint64_t>(at) ^ crc;
    crc = kTables[7][word & 0xFF] ^ kTables[6][word >> 8 & 0xFF] ^ kTables[5][word >> 16 & 0xFF] ^
          kTables[4][word >> 24 & 0xFF] ^ kTables[3][word >> 32 & 0xFF] ^ kTables[2][word >> 40 & 0xFF] ^
          kTables[1][word >> 48 & 0xFF] ^ kTables[0][word >> 56];
  }
  for (; left > 0; ++at, --left)
    crc = kTables[0][(crc ^ std::to_integer<std::uint32_t>(*at)) & 0xFF] ^ (crc >> 8);
  return ~crc;
}

std::uint32_t crc32c(std::uint32_t seed, ByteSpan bytes) {
  static const Function function = choose();
  return function(seed, bytes);
}

}  // namespace ciaos
