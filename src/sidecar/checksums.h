// What a client may say of the bytes that it sends, and what they are: MD5, SHA-256, and the x-amz-checksum-* of S3.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "sidecar/http_head.h"
#include "sidecar/secrets.h"

namespace ciaos::sidecar {

// "crc32", "crc32c", "sha1", "sha256".
bool is_checksum_name(std::string_view name);

class Checksums {
 public:
  // By what the head announces: in a header, in a trailer, or as x-amz-sdk-checksum-algorithm. With `sha256` also the digest of
  // the payload that SigV4 names.
  Checksums(const HttpHead& head, bool sha256);
  void update(ByteSpan bytes);
  void finish();

  // After finish().
  const std::string& md5() const { return md5_; }            // raw
  const std::string& sha256_hex() const { return sha256_; }  // if it was wanted
  // Of the announced kind, in base64; empty if none was.
  const std::string& name() const { return name_; }
  const std::string& value() const { return value_; }

 private:
  Digester md5_digest_;
  std::optional<Digester> payload_digest_;
  std::string name_;
  std::optional<Digester> digest_;
  std::uint32_t crc_ = 0;
  std::string md5_, sha256_, value_;
};

}  // namespace ciaos::sidecar
