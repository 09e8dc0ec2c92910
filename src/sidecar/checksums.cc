#include "sidecar/checksums.h"

#include <algorithm>
#include <array>

#include "base/crc32c.h"

namespace ciaos::sidecar {
namespace {

constexpr std::string_view kNames[] = {"crc32", "crc32c", "sha1", "sha256"};
constexpr std::string_view kPrefix = "x-amz-checksum-";

constexpr std::array<std::array<std::uint32_t, 256>, 8> make_tables() {
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320u : 0);
    tables[0][i] = crc;
  }
  for (std::uint32_t i = 0; i < 256; ++i) {
    for (std::size_t t = 1; t < 8; ++t)
      tables[t][i] = (tables[t - 1][i] >> 8) ^ tables[0][tables[t - 1][i] & 0xFF];
  }
  return tables;
}
constexpr auto kTables = make_tables();

// IEEE 802.3, eight bytes at a time.
std::uint32_t crc32(std::uint32_t crc, ByteSpan bytes) {
  crc = ~crc;
  while (bytes.size() >= 8) {
    const std::uint64_t word = load_le<std::uint64_t>(bytes.data()) ^ crc;
    crc = 0;
    for (std::size_t i = 0; i < 8; ++i) crc ^= kTables[7 - i][word >> (8 * i) & 0xFF];
    bytes = bytes.subspan(8);
  }
  for (const std::byte byte : bytes)
    crc = (crc >> 8) ^ kTables[0][(crc ^ static_cast<std::uint32_t>(byte)) & 0xFF];
  return ~crc;
}

std::string big_endian(std::uint32_t value) {
  std::string out(4, '\0');
  for (std::size_t i = 0; i < 4; ++i) out[i] = static_cast<char>(value >> (24 - 8 * i));
  return out;
}

std::string announced(const HttpHead& head) {
  for (const auto& [name, value] : head.headers) {
    if (name.starts_with(kPrefix) && is_checksum_name(std::string_view(name).substr(kPrefix.size())))
      return name.substr(kPrefix.size());
  }
  const std::string trailer = lowered(head.header_or_empty("x-amz-trailer"));
  if (trailer.starts_with(kPrefix)) return trailer.substr(kPrefix.size());
  return lowered(head.header_or_empty("x-amz-sdk-checksum-algorithm"));
}

}  // namespace

bool is_checksum_name(std::string_view name) { return std::ranges::find(kNames, name) != std::end(kNames); }

Checksums::Checksums(const HttpHead& head, bool sha256)
    : md5_digest_(DigestKind::md5), name_(announced(head)) {
  if (sha256) payload_digest_.emplace(DigestKind::sha256);
  if (!is_checksum_name(name_)) name_.clear();
  if (name_ == "sha1") digest_.emplace(DigestKind::sha1);
  if (name_ == "sha256") digest_.emplace(DigestKind::sha256);
}

void Checksums::update(ByteSpan bytes) {
  md5_digest_.update(bytes);
  if (payload_digest_) payload_digest_->update(bytes);
  if (digest_) digest_->update(bytes);
  if (name_ == "crc32") crc_ = crc32(crc_, bytes);
  if (name_ == "crc32c") crc_ = crc32c(crc_, bytes);
}

void Checksums::finish() {
  md5_ = md5_digest_.finish();
  if (payload_digest_) sha256_ = hex(payload_digest_->finish());
  if (!name_.empty()) value_ = base64(digest_ ? digest_->finish() : big_endian(crc_));
}

}  // namespace ciaos::sidecar
