#include "sidecar/s3_request.h"

#include <fmt/core.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>

#include "sidecar/s3_operations.h"

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
  const auto key = request.settings.keys->find(signature.access_key);
  if (!key) return request.refuse(S3Error::invalid_access_key);
  const std::string expected = expected_signature(request.head(), request.query, signature, key->secret);
  if (!same_secret(expected, signature.signature)) return request.refuse(S3Error::signature_mismatch);
  if (const auto fault = judge_time(signature)) return request.refuse(*fault);
  request.take_user(*key);
  request.signing_key = signing_key(key->secret, signature);
  request.signature = std::move(parsed.signature);
  return std::nullopt;
}

std::string label_of(const engine::ObjectInfo& info, const char* name) {
  const auto found = info.notes.labels.find(name);
  return found == info.notes.labels.end() ? std::string() : found->second;
}

void S3Request::take_user(const users::AccessKey& asking) {
  user = asking.user;
  owner = owner_of(settings.owner, asking);
}

Result<engine::ObjectInfo> S3Request::bucket_info() {
  if (!known_bucket) known_bucket = TRY(client.lookup({bucket, ""}));
  return *known_bucket;
}

std::string S3Request::bucket_label(const char* name) {
  const auto info = bucket_info();
  return info.ok() ? label_of(*info, name) : std::string();
}

S3Request S3Request::about(std::string other_bucket, std::string other_key) const {
  S3Request other{settings, client, exchange,   {},   std::move(other_bucket), std::move(other_key), user, {},
                  {},       {},     other_head, owner};
  if (other.bucket == bucket) other.known_bucket = known_bucket;
  return other;
}

Payload::Payload(S3Request& request, ByteSource* source)
    : request_(request),
      source_(source != nullptr ? *source : request.exchange.body),
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
  chunks_ = std::make_unique<AwsChunks>(source_, std::move(check));
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

SmallBody small_body(S3Request& request, std::size_t bytes_max) {
  Payload payload(request);
  auto text = payload.text(bytes_max);
  if (!text.ok()) return {request.refuse(text.error()), {}};
  return {payload.check(), *std::move(text)};
}

S3Answer put_label(S3Request& request, const char* label, const std::string& value, int status) {
  const auto put = request.client.set_labels(request.path(), {{label, value}});
  if (!put.ok()) return request.refuse(put.error());
  return {.status = status, .headers = {}, .body = {}};
}

std::string in_quotes(std::string_view etag) { return fmt::format("\"{}\"", etag); }

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
