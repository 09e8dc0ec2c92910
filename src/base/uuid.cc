#include "base/uuid.h"

#include <sys/random.h>

#include "base/assert.h"

namespace ciaos {
namespace {

void fill_random(void* to, std::size_t bytes) {
  // Below 256 bytes getrandom(2) neither fails nor falls short once the pool is initialised.
  CIAOS_ASSERT(getrandom(to, bytes, 0) == static_cast<ssize_t>(bytes));
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool dash_before(std::size_t byte) { return byte == 4 || byte == 6 || byte == 8 || byte == 10; }

}  // namespace

Uuid random_uuid() {
  Uuid uuid;
  fill_random(uuid.bytes.data(), uuid.bytes.size());
  uuid.bytes[6] = static_cast<std::uint8_t>((uuid.bytes[6] & 0x0F) | 0x40);
  uuid.bytes[8] = static_cast<std::uint8_t>((uuid.bytes[8] & 0x3F) | 0x80);
  return uuid;
}

std::string to_string(const Uuid& uuid) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < uuid.bytes.size(); ++i) {
    if (dash_before(i)) text += '-';
    text += kDigits[uuid.bytes[i] >> 4];
    text += kDigits[uuid.bytes[i] & 0xF];
  }
  return text;
}

Result<Uuid> parse_uuid(std::string_view text) {
  if (text.size() != 36) return fail(EINVAL, "not a UUID: " + std::string(text));
  Uuid uuid;
  std::size_t at = 0;
  for (std::size_t i = 0; i < uuid.bytes.size(); ++i) {
    if (dash_before(i) && text[at++] != '-') return fail(EINVAL, "not a UUID: " + std::string(text));
    const int high = hex_value(text[at]);
    const int low = hex_value(text[at + 1]);
    if (high < 0 || low < 0) return fail(EINVAL, "not a UUID: " + std::string(text));
    uuid.bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
    at += 2;
  }
  return uuid;
}

std::uint64_t random_u64() {
  std::uint64_t value = 0;
  fill_random(&value, sizeof value);
  return value;
}

}  // namespace ciaos
