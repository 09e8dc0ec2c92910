// AWS Signature Version 4, as S3 uses it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/http_head.h"

namespace ciaos::sidecar {

inline constexpr std::string_view kSignatureAlgorithm = "AWS4-HMAC-SHA256";
inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";
inline constexpr std::string_view kSignedChunks = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
inline constexpr std::string_view kSignedChunksTrailer = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
inline constexpr std::string_view kUnsignedChunksTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

// What a request says of its signature, in its Authorization header or in its query.
struct Signature {
  std::string access_key;
  std::string day;  // of the scope: YYYYMMDD
  std::string region;
  std::string service;
  std::vector<std::string> signed_headers;
  std::string signature;     // hex
  std::string time;          // YYYYMMDDTHHMMSSZ
  std::string payload_hash;  // as it goes into the canonical request
  bool presigned = false;
  std::uint64_t expires_seconds = 0;  // of a presigned one

  std::string scope() const { return day + "/" + region + "/" + service + "/aws4_request"; }
};
// ACCESS-KEY/DAY/REGION/SERVICE/aws4_request into `out`; false: it is none.
bool take_credential(const std::string& text, Signature& out);
enum class SignatureFault { none, absent, malformed, missing_header };
struct ParsedSignature {
  SignatureFault fault = SignatureFault::none;
  Signature signature;
};
ParsedSignature parse_signature(const HttpHead& head, const Query& query);

// What `signature` should be, with this secret.
std::string expected_signature(const HttpHead& head, const Query& query, const Signature& signature,
                               const std::string& secret);
std::string signing_key(const std::string& secret, const Signature& signature);
// Of one chunk of a signed body, behind the one signed `previous`.
std::string chunk_signature(const std::string& key, const Signature& signature, const std::string& previous,
                            const std::string& chunk_sha256_hex);
std::string trailer_signature(const std::string& key, const Signature& signature, const std::string& previous,
                              const std::string& trailer_sha256_hex);

// Seconds since 1970 of YYYYMMDDTHHMMSSZ.
std::optional<std::int64_t> parse_amz_time(const std::string& text);

}  // namespace ciaos::sidecar
