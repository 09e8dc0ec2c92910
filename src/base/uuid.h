// The identity of a store: 16 bytes, written as RFC 4122 text.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ciaos {

struct Uuid {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(const Uuid&) const = default;
};

// Version 4, from getrandom(2).
Uuid random_uuid();
std::string to_string(const Uuid& uuid);
// EINVAL unless `text` is 36 characters of 8-4-4-4-12 hex.
Result<Uuid> parse_uuid(std::string_view text);
// 64 random bits from getrandom(2), for nonces.
std::uint64_t random_u64();

}  // namespace ciaos
