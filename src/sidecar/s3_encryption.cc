#include "sidecar/s3_encryption.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "sidecar/s3_operations.h"
#include "sidecar/secrets.h"

namespace ciaos::sidecar {
namespace {

constexpr std::string_view kSse = "x-amz-server-side-encryption";
constexpr std::string_view kKmsKey = "x-amz-server-side-encryption-aws-kms-key-id";

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    words.emplace_back(text.substr(0, text.find(' ')));
    text.remove_prefix(std::min(text.size(), words.back().size() + 1));
  }
  return words;
}

WantedCipher refused(const S3Request& request, S3Error error, std::string_view why = {}) {
  return {request.refuse(error, why), std::nullopt};
}

// A key of the client's in its three headers.
WantedCipher customer_cipher(const S3Request& request, std::string_view headers) {
  const auto value = [&](const char* name) {
    return request.head().header_or_empty(std::string(headers) + name);
  };
  const std::string algorithm = value("algorithm");
  const std::string md5 = value("key-md5");
  const auto key = from_base64(value("key"));
  if (algorithm.empty() && md5.empty() && value("key").empty()) return {};
  if (algorithm != "AES256")
    return refused(request, S3Error::invalid_argument, "The algorithm has to be AES256.");
  if (!key || key->size() != kCipherKeyBytes)
    return refused(request, S3Error::invalid_argument, "The key has to be 32 bytes in base64.");
  if (base64(digest(DigestKind::md5, *key)) != md5)
    return refused(request, S3Error::invalid_argument, "The key is not the one that its MD5 is of.");
  return {std::nullopt, ObjectCipher{.fact = "C " + md5, .key = *key}};
}

// A new key, kept wrapped in one of the sidecar's. `name` "" is the first of those.
WantedCipher server_cipher(const S3Request& request, bool is_kms, std::string name) {
  if (request.settings.encryption_keys.empty())
    return refused(request, S3Error::not_implemented, "The sidecar has no encryption keys.");
  if (!is_kms) name = request.settings.encryption_key;
  const auto found = request.settings.encryption_keys.find(name);
  if (found == request.settings.encryption_keys.end())
    return refused(request, S3Error::invalid_argument, "There is no encryption key of that name.");
  ObjectCipher cipher;
  cipher.key = random_bytes(kCipherKeyBytes);
  cipher.fact = fmt::format("{} {} {}", is_kms ? 'K' : 'S', name, wrapped(cipher.key, found->second));
  return {std::nullopt, std::move(cipher)};
}

}  // namespace

std::string ObjectCipher::etag_of(const std::string& md5) const {
  return hex(fact.starts_with('S') ? md5 : hmac_sha256(key, md5).substr(0, md5.size()));
}

WantedCipher cipher_for_upload(S3Request& request) {
  const HttpHead& head = request.head();
  const std::string* sse = head.header(kSse);
  const std::string* kms_key = head.header(kKmsKey);
  WantedCipher customer = customer_cipher(request, kCustomerHeaders);
  if (customer.refused) return customer;
  if (customer.cipher)
    return sse == nullptr ? customer
                          : refused(request, S3Error::invalid_argument, "Two kinds of encryption at once.");
  if (sse == nullptr && kms_key != nullptr) return refused(request, S3Error::invalid_argument);
  std::string wished = sse == nullptr ? std::string() : *sse;
  std::string name = kms_key == nullptr ? std::string() : *kms_key;
  if (sse == nullptr && !request.settings.encryption_keys.empty()) {
    const std::vector<std::string> usual = words_of(request.bucket_label(kEncryptionLabel));
    if (!usual.empty()) wished = usual[0];
    if (usual.size() > 1) name = usual[1];
  }
  if (wished.empty() && sse == nullptr) return {};
  if (wished == "AES256" && (sse == nullptr || kms_key == nullptr)) return server_cipher(request, false, "");
  if (wished != "aws:kms" || name.empty()) return refused(request, S3Error::invalid_argument);
  return server_cipher(request, true, name);
}

WantedCipher cipher_of(const S3Request& request, const std::string& fact, std::string_view headers) {
  WantedCipher customer = customer_cipher(request, headers);
  if (customer.refused) return customer;
  if (fact.starts_with('C')) {
    if (!customer.cipher)
      return refused(request, S3Error::invalid_request, "The object has a key of its own.");
    if (customer.cipher->fact != fact)
      return refused(request, S3Error::invalid_request, "The object has another key.");
    return customer;
  }
  if (customer.cipher)
    return refused(request, S3Error::invalid_request, "The object has no key of a client's.");
  if (fact.empty()) return {};
  const std::vector<std::string> words = words_of(fact);
  const auto found = words.size() == 3 ? request.settings.encryption_keys.find(words[1])
                                       : request.settings.encryption_keys.end();
  if (found == request.settings.encryption_keys.end())
    return refused(request, S3Error::access_denied, "The key that the object is encrypted with is not here.");
  auto key = unwrapped(words[2], found->second);
  if (!key || key->size() != kCipherKeyBytes)
    return refused(request, S3Error::access_denied, "The object is encrypted with another key of that name.");
  return {std::nullopt, ObjectCipher{.fact = fact, .key = *std::move(key)}};
}

std::string fact_of(const engine::ObjectInfo& info, const char* name) {
  const auto found = info.notes.facts.find(name);
  return found == info.notes.facts.end() ? std::string() : found->second;
}

Headers cipher_headers(const std::string& fact) {
  const std::vector<std::string> words = words_of(fact);
  if (words.size() < 2) return {};
  if (words[0] == "C")
    return {{std::string(kCustomerHeaders) + "algorithm", "AES256"},
            {std::string(kCustomerHeaders) + "key-md5", words[1]}};
  if (words[0] == "S") return {{std::string(kSse), "AES256"}};
  return {{std::string(kSse), "aws:kms"}, {std::string(kKmsKey), words[1]}};
}

std::optional<ObjectKeystream> keystream_of(const ObjectCipher& cipher, const engine::ObjectInfo& info) {
  const std::string nonces = fact_of(info, kNoncesFact);
  std::vector<std::uint64_t> sizes = parse_part_sizes(fact_of(info, kPartSizesFact));
  if (sizes.empty()) sizes.push_back(info.size);
  if (nonces.size() != sizes.size() * kNonceCharacters) return std::nullopt;
  std::vector<ObjectKeystream::Segment> segments;
  for (std::size_t i = 0; i < sizes.size(); ++i)
    segments.push_back({sizes[i], nonces.substr(i * kNonceCharacters, kNonceCharacters)});
  return ObjectKeystream(cipher.key, std::move(segments));
}

std::string part_sizes_text(const std::vector<std::uint64_t>& sizes) {
  std::string text;
  for (std::size_t i = 0; i < sizes.size();) {
    std::size_t end = i;
    while (end < sizes.size() && sizes[end] == sizes[i]) ++end;
    text += fmt::format("{}{}", text.empty() ? "" : " ", sizes[i]);
    if (end - i > 1) text += fmt::format("x{}", end - i);
    i = end;
  }
  return text;
}

std::vector<std::uint64_t> parse_part_sizes(const std::string& text) {
  std::vector<std::uint64_t> sizes;
  for (const std::string& word : words_of(text)) {
    std::uint64_t size = 0;
    std::size_t count = 1;
    const char* last = word.data() + word.size();
    auto parsed = std::from_chars(word.data(), last, size);
    if (parsed.ec == std::errc{} && parsed.ptr != last && *parsed.ptr == 'x')
      parsed = std::from_chars(parsed.ptr + 1, last, count);
    if (parsed.ec != std::errc{} || parsed.ptr != last || count > engine::kPartsMax - sizes.size()) return {};
    sizes.insert(sizes.end(), count, size);
  }
  return sizes;
}

StoredSource::StoredSource(Payload& payload, const ObjectCipher* cipher) : payload_(payload) {
  if (cipher == nullptr) return;
  nonce_ = new_nonce();
  keystream_.emplace(cipher->key, nonce_);
}

Result<std::size_t> StoredSource::read(MutableByteSpan into) {
  const std::size_t count = TRY(payload_.source().read(into));
  payload_.checksums().update(into.first(count));
  if (keystream_) keystream_->apply(at_, into.first(count));
  at_ += count;
  return count;
}

S3Answer get_encryption(S3Request& request) {
  const std::vector<std::string> words = words_of(request.bucket_label(kEncryptionLabel));
  if (words.empty()) return request.refuse(S3Error::no_such_encryption);
  XmlWriter xml("ServerSideEncryptionConfiguration");
  xml.open("Rule").open("ApplyServerSideEncryptionByDefault").add("SSEAlgorithm", words[0]);
  if (words.size() > 1) xml.add("KMSMasterKeyID", words[1]);
  return xml_answer(xml);
}

S3Answer put_encryption(S3Request& request) {
  const SmallBody body = small_body(request);
  if (body.refused) return *body.refused;
  const auto document = parse_xml(body.text);
  const XmlElement* rule = document ? document->child("Rule") : nullptr;
  const XmlElement* usual = rule != nullptr ? rule->child("ApplyServerSideEncryptionByDefault") : nullptr;
  if (usual == nullptr) return request.refuse(S3Error::malformed_xml);
  const std::string algorithm = usual->text_of("SSEAlgorithm");
  const std::string name = usual->text_of("KMSMasterKeyID");
  const auto& keys = request.settings.encryption_keys;
  if (keys.empty()) return request.refuse(S3Error::not_implemented, "The sidecar has no encryption keys.");
  if (algorithm == "AES256" && name.empty()) return put_label(request, kEncryptionLabel, "AES256", 200);
  if (algorithm != "aws:kms" || !keys.contains(name)) return request.refuse(S3Error::invalid_argument);
  return put_label(request, kEncryptionLabel, "aws:kms " + name, 200);
}

S3Answer delete_encryption(S3Request& request) { return put_label(request, kEncryptionLabel, "", 204); }

}  // namespace ciaos::sidecar
