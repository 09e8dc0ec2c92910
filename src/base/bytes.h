// Little-endian numbers in byte ranges, and bounded readers and writers over them. Pure, no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace ciaos {

using ByteSpan = std::span<const std::byte>;
using MutableByteSpan = std::span<std::byte>;
using ByteVector = std::vector<std::byte>;

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "on-store numbers are little-endian; add swaps here");

template <typename T>
T load_le(const std::byte* from) {
  static_assert(std::is_integral_v<T>);
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <typename T>
void store_le(std::byte* to, T value) {
  static_assert(std::is_integral_v<T>);
  std::memcpy(to, &value, sizeof value);
}

inline ByteSpan as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

constexpr std::uint64_t align_up(std::uint64_t value, std::uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}
constexpr std::uint64_t align_down(std::uint64_t value, std::uint64_t alignment) {
  return value / alignment * alignment;
}

// Reads numbers off a range. After the first read past the end `ok()` is false and every read gives zeros:
// check once, at the end, before any of the values is used.
class ByteReader {
 public:
  explicit ByteReader(ByteSpan bytes) : rest_(bytes) {}

  template <typename T>
  T number() {
    if (rest_.size() < sizeof(T)) {
      ok_ = false;
      rest_ = {};
      return T{};
    }
    const T value = load_le<T>(rest_.data());
    rest_ = rest_.subspan(sizeof(T));
    return value;
  }
  // LEB128, at most 10 bytes.
  std::uint64_t varint();
  ByteSpan bytes(std::size_t count);
  // A varint length, then that many bytes.
  ByteSpan counted_bytes();

  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }
  std::size_t remaining() const { return rest_.size(); }

 private:
  ByteSpan rest_;
  bool ok_ = true;
};

class ByteWriter {
 public:
  template <typename T>
  void number(T value) {
    const std::size_t at = out_.size();
    out_.resize(at + sizeof(T));
    store_le(out_.data() + at, value);
  }
  void varint(std::uint64_t value);
  void bytes(ByteSpan bytes);
  void counted_bytes(ByteSpan bytes);

  std::size_t size() const { return out_.size(); }
  ByteVector& buffer() { return out_; }
  ByteVector take() { return std::move(out_); }

 private:
  ByteVector out_;
};

// Signed numbers (times before 1970) as varints without sign-extension blow-up.
constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

}  // namespace ciaos
