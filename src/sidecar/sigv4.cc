#include "sidecar/sigv4.h"

#include <time.h>

#include <algorithm>
#include <charconv>

#include "sidecar/secrets.h"

namespace ciaos::sidecar {
namespace {

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t end = text.find(at);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string_view without_spaces(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

const std::string* value_of(const Query& query, std::string_view name) {
  const auto found = std::ranges::find_if(query, [&](const auto& pair) { return pair.first == name; });
  return found == query.end() ? nullptr : &found->second;
}

ParsedSignature of_query(const HttpHead& head, const Query& query) {
  ParsedSignature parsed{SignatureFault::malformed, {}};
  Signature& s = parsed.signature;
  s.presigned = true;
  const std::string* algorithm = value_of(query, "X-Amz-Algorithm");
  const std::string* credential = value_of(query, "X-Amz-Credential");
  const std::string* time = value_of(query, "X-Amz-Date");
  const std::string* expires = value_of(query, "X-Amz-Expires");
  const std::string* headers = value_of(query, "X-Amz-SignedHeaders");
  const std::string* signature = value_of(query, "X-Amz-Signature");
  if (!algorithm || *algorithm != kSignatureAlgorithm || !credential || !time || !expires || !headers ||
      !signature)
    return parsed;
  if (!take_credential(*credential, s)) return parsed;
  const auto [end, error] =
      std::from_chars(expires->data(), expires->data() + expires->size(), s.expires_seconds);
  if (error != std::errc{} || end != expires->data() + expires->size() || s.expires_seconds == 0 ||
      s.expires_seconds > 604'800)
    return parsed;
  s.time = *time;
  s.signed_headers = split(*headers, ';');
  s.signature = *signature;
  s.payload_hash = head.header_or_empty("x-amz-content-sha256");
  if (s.payload_hash.empty()) s.payload_hash = kUnsignedPayload;
  parsed.fault = SignatureFault::none;
  return parsed;
}

ParsedSignature of_header(const HttpHead& head, std::string_view text) {
  ParsedSignature parsed{SignatureFault::malformed, {}};
  Signature& s = parsed.signature;
  text.remove_prefix(kSignatureAlgorithm.size());
  bool has_credential = false;
  for (const std::string& part : split(text, ',')) {
    const std::string_view field = without_spaces(part);
    const std::size_t equals = field.find('=');
    if (equals == std::string_view::npos) return parsed;
    const std::string_view name = field.substr(0, equals);
    const std::string value(field.substr(equals + 1));
    if (name == "Credential") {
      has_credential = take_credential(value, s);
    } else if (name == "SignedHeaders") {
      s.signed_headers = split(value, ';');
    } else if (name == "Signature") {
      s.signature = value;
    }
  }
  if (!has_credential || s.signed_headers.empty() || s.signature.empty()) return parsed;
  s.time = head.header_or_empty("x-amz-date");
  s.payload_hash = head.header_or_empty("x-amz-content-sha256");
  parsed.fault =
      s.time.empty() || s.payload_hash.empty() ? SignatureFault::missing_header : SignatureFault::none;
  return parsed;
}

// Trimmed, and each run of spaces one.
std::string canonical_value(std::string_view value) {
  std::string out;
  for (const char c : without_spaces(value)) {
    if (c != ' ' || !out.ends_with(' ')) out += c;
  }
  return out;
}

std::string canonical_request(const HttpHead& head, const Query& query, const Signature& signature) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& [name, value] : query) {
    if (signature.presigned && name == "X-Amz-Signature") continue;
    pairs.emplace_back(percent_encoded(name, false), percent_encoded(value, false));
  }
  std::ranges::sort(pairs);
  std::string out = head.method + "\n";
  out += percent_encoded(percent_decoded(head.path).value_or(head.path), /*keep_slash=*/true) + "\n";
  for (std::size_t i = 0; i < pairs.size(); ++i)
    out += (i == 0 ? "" : "&") + pairs[i].first + "=" + pairs[i].second;
  out += "\n";
  std::string names;
  for (const std::string& name : signature.signed_headers) {
    std::string joined;
    for (const auto& [header, value] : head.headers) {
      if (header == name) joined += (joined.empty() ? "" : ",") + canonical_value(value);
    }
    out += name + ":" + joined + "\n";
    names += (names.empty() ? "" : ";") + name;
  }
  return out + "\n" + names + "\n" + signature.payload_hash;
}

std::string signed_hex(const std::string& key, const std::string& text) {
  return hex(hmac_sha256(key, text));
}

}  // namespace

bool take_credential(const std::string& text, Signature& out) {
  std::vector<std::string> parts = split(text, '/');
  // An access key may have slashes itself.
  if (parts.size() < 5 || parts.back() != "aws4_request") return false;
  const std::size_t n = parts.size();
  out.service = parts[n - 2];
  out.region = parts[n - 3];
  out.day = parts[n - 4];
  out.access_key = parts[0];
  for (std::size_t i = 1; i < n - 4; ++i) out.access_key += "/" + parts[i];
  return !out.access_key.empty() && out.day.size() == 8;
}

ParsedSignature parse_signature(const HttpHead& head, const Query& query) {
  ParsedSignature parsed{SignatureFault::absent, {}};
  const std::string* authorization = head.header("authorization");
  if (authorization != nullptr && authorization->starts_with(kSignatureAlgorithm)) {
    parsed = of_header(head, *authorization);
  } else if (authorization != nullptr) {
    parsed.fault = SignatureFault::malformed;
  } else if (value_of(query, "X-Amz-Signature") != nullptr || value_of(query, "X-Amz-Algorithm") != nullptr) {
    parsed = of_query(head, query);
  }
  if (parsed.fault != SignatureFault::none) return parsed;
  // Without the host in it, a request could be played back to another server; what amz headers say must be signed, too.
  const auto is_signed = [&](std::string_view name) {
    return std::ranges::find(parsed.signature.signed_headers, name) != parsed.signature.signed_headers.end();
  };
  bool all = is_signed("host");
  for (const auto& [name, value] : head.headers) {
    if (name.starts_with("x-amz-") && name != "x-amz-content-sha256" && !is_signed(name)) all = false;
  }
  if (!all) parsed.fault = SignatureFault::malformed;
  return parsed;
}

std::string signing_key(const std::string& secret, const Signature& signature) {
  const std::string day = hmac_sha256("AWS4" + secret, signature.day);
  return hmac_sha256(hmac_sha256(hmac_sha256(day, signature.region), signature.service), "aws4_request");
}

std::string expected_signature(const HttpHead& head, const Query& query, const Signature& signature,
                               const std::string& secret) {
  const std::string request = canonical_request(head, query, signature);
  const std::string text = std::string(kSignatureAlgorithm) + "\n" + signature.time + "\n" +
                           signature.scope() + "\n" + hex(digest(DigestKind::sha256, request));
  return signed_hex(signing_key(secret, signature), text);
}

std::string chunk_signature(const std::string& key, const Signature& signature, const std::string& previous,
                            const std::string& chunk_sha256_hex) {
  return signed_hex(key, "AWS4-HMAC-SHA256-PAYLOAD\n" + signature.time + "\n" + signature.scope() + "\n" +
                             previous + "\n" + hex(digest(DigestKind::sha256, "")) + "\n" + chunk_sha256_hex);
}

std::string trailer_signature(const std::string& key, const Signature& signature, const std::string& previous,
                              const std::string& trailer_sha256_hex) {
  return signed_hex(key, "AWS4-HMAC-SHA256-TRAILER\n" + signature.time + "\n" + signature.scope() + "\n" +
                             previous + "\n" + trailer_sha256_hex);
}

std::optional<std::int64_t> parse_amz_time(const std::string& text) {
  tm parts{};
  const char* end = ::strptime(text.c_str(), "%Y%m%dT%H%M%SZ", &parts);
  if (end == nullptr || *end != '\0' || text.size() != 16) return std::nullopt;
  return ::timegm(&parts);
}

}  // namespace ciaos::sidecar
