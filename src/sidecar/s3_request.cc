#include "sidecar/s3_request.h"

#include <fmt/core.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>

namespace ciaos::sidecar {
namespace {

constexpr std::int64_t kSkewSecondsMax = 15 * 60;

// When a signature holds, by its own time.
std::optional<S3Error> judge_time(const Signature& signature) {
  const auto signed_at = parse_amz_time(signature.time);
  if (!signed_at || !signature.time.starts_with(signature.day)) return S3Error::access_denied;
  const std::int64_t age = ::time(nullptr) - *signed_at;
  if (signature.presigned) {
    if (age < -kSkewSecondsMax) return S3Error::request_time_skewed;
    if (age > static_cast<std::int64_t>(signature.expires_seconds)) return S3Error::request_expired;
    return std::nullopt;
  }
  return std::abs(age) > kSkewSecondsMax ? std::optional(S3Error::request_time_skewed) : std::nullopt;
}

}  // namespace

const std::string* S3Request::parameter(std::string_view name) const {
  const auto found = std::ranges::find_if(query, [&](const auto& pair) { return pair.first == name; });
  return found == query.end() ? nullptr : &found->second;
}

std::string S3Request::parameter_or_empty(std::string_view name) const {
  const std::string* value = parameter(name);
  return value == nullptr ? std::string() : *value;
}

S3Answer S3Request::refuse(S3Error error, std::string_view message) const {
  const S3ErrorRow& row = row_of(error);
  std::string body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>";
  body += fmt::format("<Code>{}</Code><Message>{}</Message>", row.code,
                      xml_escaped(message.empty() ? row.message : message));
  if (!bucket.empty()) body += fmt::format("<BucketName>{}</BucketName>", xml_escaped(bucket));
  body += fmt::format("<Resource>{}</Resource><RequestId>{}</RequestId><HostId>ciaos</HostId></Error>",
                      xml_escaped("/" + bucket + (key.empty() ? "" : "/" + key)), exchange.id);
  return {.status = row.status, .headers = {{"Content-Type", "application/xml"}}, .body = body};
}

std::optional<S3Answer> identify(S3Request& request) {
  if (!request.settings.authenticate) return std::nullopt;
  ParsedSignature parsed = parse_signature(request.head(), request.query);
  switch (parsed.fault) {
    case SignatureFault::none: break;
    case SignatureFault::absent: return std::nullopt;
    case SignatureFault::malformed:
      return request.refuse(S3Error::access_denied, "The signature is not one.");
    case SignatureFault::missing_header: return request.refuse(S3Error::missing_security_header);
  }
  const Signature& signature = parsed.signature;
  const auto key = request.settings.keys.find(signature.access_key);
  if (key == request.settings.keys.end()) return request.refuse(S3Error::invalid_access_key);
  const std::string expected =
      expected_signature(request.head(), request.query, signature, key->second.secret);
  if (!same_secret(expected, signature.signature)) return request.refuse(S3Error::signature_mismatch);
  if (const auto fault = judge_time(signature)) return request.refuse(*fault);
  request.user = key->second.user;
  request.signing_key = signing_key(key->second.secret, signature);
  request.signature = std::move(parsed.signature);
  return std::nullopt;
}

std::optional<S3Answer> refuse_access(const S3Request& request, Access access) {
  // Nobody is refused then, and a missing bucket is found by the verb itself: a round trip less.
  if (!request.settings.authenticate && !request.key.empty()) return std::nullopt;
  const auto bucket = request.client.lookup({request.bucket, ""});
  if (!bucket.ok()) return request.refuse(bucket.error());
  if (!request.settings.authenticate) return std::nullopt;
  const auto label_of = [](const engine::ObjectInfo& info, const char* name) {
    const auto found = info.notes.labels.find(name);
    return found == info.notes.labels.end() ? std::string() : found->second;
  };
  const std::string owner = label_of(*bucket, kOwnerLabel);
  // A directory that somebody made on the mount is of nobody: whoever has a key may use it.
  if (!request.user.empty() && (owner.empty() || owner == request.user)) return std::nullopt;
  const std::string acl = label_of(*bucket, kAclLabel);
  if (access == Access::read && (acl == "public-read" || acl == "public-read-write")) return std::nullopt;
  if (access == Access::read && acl == "authenticated-read" && !request.user.empty()) return std::nullopt;
  if (access == Access::write && acl == "public-read-write") return std::nullopt;
  if (access == Access::read && !request.key.empty()) {
    const auto object = request.client.lookup(request.path());
    if (object.ok()) {
      const std::string of_object = label_of(*object, kAclLabel);
      if (of_object == "public-read" || of_object == "public-read-write") return std::nullopt;
    }
  }
  return request.refuse(S3Error::access_denied);
}

Payload::Payload(S3Request& request)
    : request_(request),
      announced_(request.head().header_or_empty("x-amz-content-sha256")),
      checksums_(request.head(), request.signature && announced_.size() == 64) {
  const bool unsigned_chunks = announced_ == kUnsignedChunksTrailer;
  if (announced_ != kSignedChunks && announced_ != kSignedChunksTrailer && !unsigned_chunks) return;
  AwsChunks::Check check;
  if (request.signature && !unsigned_chunks) {
    check.signature = &*request.signature;
    check.key = request.signing_key;
    check.trailers_signed = announced_ == kSignedChunksTrailer;
  }
  chunks_ = std::make_unique<AwsChunks>(request.exchange.body, std::move(check));
}

std::optional<S3Answer> Payload::check() {
  checksums_.finish();
  const HttpHead& head = request_.head();
  if (!checksums_.sha256_hex().empty() && !same_secret(checksums_.sha256_hex(), announced_))
    return request_.refuse(S3Error::sha256_mismatch);
  if (const std::string* md5 = head.header("content-md5")) {
    const auto given = from_base64(*md5);
    if (!given || given->size() != 16) return request_.refuse(S3Error::invalid_digest);
    if (*given != checksums_.md5()) return request_.refuse(S3Error::bad_digest);
  }
  if (checksums_.name().empty()) return std::nullopt;
  const std::string name = "x-amz-checksum-" + checksums_.name();
  std::string given = head.header_or_empty(name);
  if (chunks_) {
    for (const auto& [trailer, value] : chunks_->trailers()) {
      if (trailer == name) given = value;
    }
  }
  if (!given.empty() && given != checksums_.value()) return request_.refuse(S3Error::bad_digest);
  return std::nullopt;
}

Result<std::string> Payload::text(std::size_t bytes_max) {
  std::string text(bytes_max + 1, '\0');
  const std::size_t count =
      TRY(read_full(source(), {reinterpret_cast<std::byte*>(text.data()), text.size()}));
  if (count > bytes_max) return fail(EFBIG);
  text.resize(count);
  checksums_.update(as_bytes(text));
  return text;
}

std::string quoted(std::string_view etag) { return fmt::format("\"{}\"", etag); }

std::vector<std::string> etags_of(const std::string& header) {
  std::vector<std::string> etags;
  std::string_view rest = header;
  while (!rest.empty()) {
    std::string_view one = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one.size() >= 2 && one.starts_with('"') && one.ends_with('"')) one = one.substr(1, one.size() - 2);
    if (!one.empty()) etags.emplace_back(one);
  }
  return etags;
}

std::string iso_time(const Timestamp& time) {
  const time_t at = time.seconds;
  tm parts{};
  ::gmtime_r(&at, &parts);
  char text[64];
  ::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  return fmt::format("{}.{:03}Z", text, time.nanoseconds / 1'000'000);
}

}  // namespace ciaos::sidecar
