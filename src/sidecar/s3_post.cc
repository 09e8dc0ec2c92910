// POST of a form: what a browser uploads by itself, with a policy that somebody with a key has signed.
#include <fmt/core.h>
#include <time.h>

#include <algorithm>

#include "sidecar/s3_access.h"
#include "sidecar/s3_form.h"
#include "sidecar/s3_operations.h"
#include "sidecar/secrets.h"

namespace ciaos::sidecar {
namespace {

std::string field_of(const Form& form, std::string_view name) {
  const std::string* value = form.field(name);
  return value == nullptr ? std::string() : *value;
}

// Who signed the policy: as version 4 does it, or as forms did before it, with HMAC-SHA1 of the same text.
std::optional<S3Answer> identify_form(S3Request& request, const Form& form) {
  const std::string policy = field_of(form, "policy");
  const bool is_v4 = form.field("x-amz-signature") != nullptr;
  const std::string given = field_of(form, is_v4 ? "x-amz-signature" : "signature");
  Signature signature;
  if (is_v4) {
    const bool whole = take_credential(field_of(form, "x-amz-credential"), signature);
    if (!whole || field_of(form, "x-amz-algorithm") != kSignatureAlgorithm)
      return request.refuse(S3Error::invalid_argument);
  } else {
    signature.access_key = field_of(form, "awsaccesskeyid");
    if (signature.access_key.empty() || given.empty()) return request.refuse(S3Error::invalid_argument);
  }
  const auto key = request.settings.keys->find(signature.access_key);
  if (!key) return request.refuse(S3Error::invalid_access_key);
  const std::string& secret = key->secret;
  const std::string expected =
      is_v4 ? hex(hmac_sha256(signing_key(secret, signature), policy)) : base64(hmac_sha1(secret, policy));
  if (!same_secret(expected, given)) return request.refuse(S3Error::signature_mismatch);
  request.take_user(*key);
  return std::nullopt;
}

// What the fields would be as headers of a PUT.
std::optional<HttpHead> head_of_form(const S3Request& request, const Form& form) {
  HttpHead head;
  head.method = "PUT";
  head.path = request.exchange.head.path;
  head.chunked = true;  // how long the file is nobody says
  for (const auto& [name, value] : form.fields()) {
    const bool clean =
        std::ranges::none_of(value, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
    if (name == "tagging") {
      const auto tags = tags_of_xml(value);
      if (!tags) return std::nullopt;
      head.headers.emplace_back("x-amz-tagging", *tags);
    } else if (!clean) {
      continue;
    } else if (name == "acl") {
      head.headers.emplace_back("x-amz-acl", value);
    } else if (name != "x-amz-content-sha256" && name != "content-length") {
      head.headers.emplace_back(name, value);
    }
  }
  return head;
}

S3Answer answer_form(const S3Request& request, const Form& form, const std::string& etag) {
  std::string redirect = field_of(form, "success_action_redirect");
  if (redirect.empty()) redirect = field_of(form, "redirect");
  const bool is_url = redirect.starts_with("http://") || redirect.starts_with("https://");
  const bool clean =
      std::ranges::none_of(redirect, [](char c) { return static_cast<unsigned char>(c) <= 0x20; });
  if (is_url && clean) {
    redirect += (redirect.find('?') == std::string::npos ? "?" : "&");
    redirect += fmt::format("bucket={}&key={}&etag={}", percent_encoded(request.bucket, false),
                            percent_encoded(request.key, false), percent_encoded(in_quotes(etag), false));
    return {.status = 303, .headers = {{"Location", redirect}, {"ETag", in_quotes(etag)}}, .body = {}};
  }
  const std::string location = "/" + request.bucket + "/" + percent_encoded(request.key, true);
  const Headers headers{{"ETag", in_quotes(etag)}, {"Location", location}};
  const std::string wished = field_of(form, "success_action_status");
  if (wished != "201") return {.status = wished == "200" ? 200 : 204, .headers = headers, .body = {}};
  // Of all answers this one has no namespace.
  S3Answer answer{.status = 201, .headers = headers, .body = {}};
  answer.headers.emplace_back("Content-Type", "application/xml");
  answer.body = fmt::format(
      "<?xml version=\"1.0\" "
      "encoding=\"UTF-8\"?>\n<PostResponse><Location>{}</Location><Bucket>{}</Bucket><Key>{}</Key>"
      "<ETag>{}</ETag></PostResponse>",
      xml_escaped(location), xml_escaped(request.bucket), xml_escaped(request.key),
      xml_escaped(in_quotes(etag)));
  return answer;
}

StoredObject store_form(S3Request& request, Form& form, const FormBounds& bounds) {
  if (auto refused = refuse_access(request, {Access::write, "s3:PutObject"})) return {refused, {}};
  Payload payload(request, &form);
  return store_object(request, payload, {bounds.bytes_min, bounds.bytes_max});
}

}  // namespace

S3Answer post_form(S3Request& request) {
  const std::string boundary = boundary_of(request.head().header_or_empty("content-type"));
  if (boundary.empty()) return request.refuse(S3Error::malformed_post);
  Form form(request.exchange.body, boundary);
  if (!form.read_fields().ok()) return request.refuse(S3Error::malformed_post);
  request.key = field_of(form, "key");
  if (request.key.empty()) return request.refuse(S3Error::invalid_argument, "The form has no key.");
  FormBounds bounds;
  if (form.field("policy") != nullptr) {
    if (request.settings.authenticate) {
      if (auto refused = identify_form(request, form)) return *refused;
    }
    const auto policy = from_base64(field_of(form, "policy"));
    if (!policy) return request.refuse(S3Error::invalid_policy_document);
    const JudgedForm judged = judge_form(*policy, form, request.bucket, ::time(nullptr));
    if (judged.fault) return request.refuse(*judged.fault);
    bounds = judged.bounds;
  }
  const auto head = head_of_form(request, form);
  if (!head) return request.refuse(S3Error::malformed_xml);
  request.other_head = &*head;
  const StoredObject stored = store_form(request, form, bounds);
  request.other_head = nullptr;
  return stored.refused ? *stored.refused : answer_form(request, form, stored.notes.etag);
}

}  // namespace ciaos::sidecar
