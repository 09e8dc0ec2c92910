// Server-side encryption as S3 has it: with a key of the client's (SSE-C), with the sidecar's own (SSE-S3), or with one that the
// sidecar knows by name (SSE-KMS). What lies in the store is the ciphertext, so that is what a mount shows.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sidecar/cipher.h"
#include "sidecar/s3_request.h"

namespace ciaos::sidecar {

// Facts of an object, so they are gone when somebody else writes its bytes. kCipherFact is a label of an upload's, too:
// "C MD5-OF-KEY", "S KEY-NAME WRAPPED" or "K KEY-NAME WRAPPED".
inline constexpr const char* kCipherFact = "sse";
inline constexpr const char* kNoncesFact = "sse-nonces";       // of its segments, one behind the other
inline constexpr const char* kPartSizesFact = "part-sizes";    // "5242880x3 17": three of that size and one
inline constexpr const char* kEncryptionLabel = "encryption";  // of a bucket: "AES256" or "aws:kms KEY-NAME"
inline constexpr std::size_t kEncryptedPartsMax = 1000;

struct ObjectCipher {
  std::string fact;  // kCipherFact's
  std::string key;
  // So that the index tells nobody an MD5 of what he may not read.
  std::string etag_of(const std::string& md5) const;
};
struct WantedCipher {
  std::optional<S3Answer> refused;
  std::optional<ObjectCipher> cipher;  // nullopt: none
};
// What the request's headers ask for, else the bucket.
WantedCipher cipher_for_upload(S3Request& request);
// That of an object or upload that has `fact`; `headers` is what a client's key comes in:
inline constexpr std::string_view kCustomerHeaders = "x-amz-server-side-encryption-customer-";
inline constexpr std::string_view kCopySourceHeaders = "x-amz-copy-source-server-side-encryption-customer-";
WantedCipher cipher_of(const S3Request& request, const std::string& fact,
                       std::string_view headers = kCustomerHeaders);
std::string fact_of(const engine::ObjectInfo& info, const char* name);
// What answers say of it.
Headers cipher_headers(const std::string& fact);
// Of bytes that are there; their facts name the segments. nullopt: the facts contradict each other.
std::optional<ObjectKeystream> keystream_of(const ObjectCipher& cipher, const engine::ObjectInfo& info);

std::string part_sizes_text(const std::vector<std::uint64_t>& sizes);
// Empty: none, or not so.
std::vector<std::uint64_t> parse_part_sizes(const std::string& text);

// A payload on its way into the store: summed, then encrypted.
class StoredSource final : public ByteSource {
 public:
  // Both outlive it. `cipher` may be nullptr.
  StoredSource(Payload& payload, const ObjectCipher* cipher);
  Result<std::size_t> read(MutableByteSpan into) override;
  const std::string& nonce() const { return nonce_; }  // "" without a cipher

 private:
  Payload& payload_;
  std::string nonce_;
  std::optional<Keystream> keystream_;
  std::uint64_t at_ = 0;
};

S3Answer get_encryption(S3Request& request);
S3Answer put_encryption(S3Request& request);
S3Answer delete_encryption(S3Request& request);

}  // namespace ciaos::sidecar
