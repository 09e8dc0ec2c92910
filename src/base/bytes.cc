#include "base/bytes.h"

namespace ciaos {

std::uint64_t ByteReader::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const auto byte = number<std::uint8_t>();
    if (!ok_) return 0;
    if (shift == 63 && byte > 1) break;
    value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  ok_ = false;
  rest_ = {};
  return 0;
}

ByteSpan ByteReader::bytes(std::size_t count) {
  if (rest_.size() < count) {
    ok_ = false;
    rest_ = {};
    return {};
  }
  const ByteSpan taken = rest_.first(count);
  rest_ = rest_.subspan(count);
  return taken;
}

ByteSpan ByteReader::counted_bytes() {
  const std::uint64_t count = varint();
  if (count > rest_.size()) {
    ok_ = false;
    rest_ = {};
    return {};
  }
  return bytes(static_cast<std::size_t>(count));
}

void ByteWriter::varint(std::uint64_t value) {
  while (value >= 0x80) {
    out_.push_back(static_cast<std::byte>((value & 0x7F) | 0x80));
    value >>= 7;
  }
  out_.push_back(static_cast<std::byte>(value));
}

void ByteWriter::bytes(ByteSpan bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }

void ByteWriter::counted_bytes(ByteSpan counted) {
  varint(counted.size());
  bytes(counted);
}

}  // namespace ciaos
