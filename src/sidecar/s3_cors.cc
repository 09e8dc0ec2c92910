#include "sidecar/s3_cors.h"

#include <algorithm>

#include "sidecar/s3_operations.h"
#include "sidecar/s3_policy.h"

namespace ciaos::sidecar {
namespace {

constexpr std::size_t kRulesMax = 100;
constexpr std::string_view kMethods[] = {"GET", "PUT", "POST", "DELETE", "HEAD"};

std::vector<std::string> list_of(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    std::string_view one = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), one.size() + 1));
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    if (!one.empty()) words.push_back(lowered(one));
  }
  return words;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

bool any_matches(const std::vector<std::string>& patterns, const std::string& text) {
  return std::ranges::any_of(patterns, [&](const std::string& p) { return matches_pattern(text, p); });
}

struct Asked {
  std::string origin;
  std::string method;
  std::vector<std::string> headers;
};

const CorsRule* rule_for(const std::vector<CorsRule>& rules, const Asked& asked) {
  const auto found = std::ranges::find_if(rules, [&](const CorsRule& rule) {
    return any_matches(rule.origins, asked.origin) &&
           std::ranges::find(rule.methods, asked.method) != rule.methods.end() &&
           std::ranges::all_of(asked.headers,
                               [&](const std::string& header) { return any_matches(rule.headers, header); });
  });
  return found == rules.end() ? nullptr : &*found;
}

Headers headers_of(const CorsRule& rule, const Asked& asked) {
  const bool everywhere = std::ranges::find(rule.origins, "*") != rule.origins.end();
  Headers headers{{"Access-Control-Allow-Origin", everywhere ? "*" : asked.origin},
                  {"Access-Control-Allow-Methods", joined(rule.methods)},
                  {"Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"}};
  if (!everywhere) headers.emplace_back("Access-Control-Allow-Credentials", "true");
  if (!asked.headers.empty()) headers.emplace_back("Access-Control-Allow-Headers", joined(asked.headers));
  if (!rule.exposed.empty()) headers.emplace_back("Access-Control-Expose-Headers", joined(rule.exposed));
  if (!rule.max_age.empty()) headers.emplace_back("Access-Control-Max-Age", rule.max_age);
  return headers;
}

bool take_rule(const XmlElement& element, CorsRule& rule) {
  const auto is_text = [](const std::string& text) {
    return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  };
  for (const XmlElement& child : element.children) {
    if (!is_text(child.text)) return false;
    if (child.name == "AllowedOrigin") rule.origins.push_back(child.text);
    if (child.name == "AllowedMethod") rule.methods.push_back(child.text);
    if (child.name == "AllowedHeader") rule.headers.push_back(lowered(child.text));
    if (child.name == "ExposeHeader") rule.exposed.push_back(child.text);
    if (child.name == "MaxAgeSeconds") rule.max_age = child.text;
  }
  const auto one_star = [](const std::string& p) { return std::ranges::count(p, '*') <= 1; };
  const bool age_is_number = std::ranges::all_of(rule.max_age, [](char c) { return c >= '0' && c <= '9'; });
  return !rule.origins.empty() && !rule.methods.empty() && age_is_number &&
         std::ranges::all_of(rule.origins, one_star) && std::ranges::all_of(rule.headers, one_star) &&
         std::ranges::all_of(rule.methods, [](const std::string& m) {
           return std::ranges::find(kMethods, m) != std::end(kMethods);
         });
}

std::vector<CorsRule> rules_of(S3Request& request) {
  const std::string text = request.bucket.empty() ? std::string() : request.bucket_label(kCorsLabel);
  return text.empty() ? std::vector<CorsRule>() : parse_cors(text).value_or(std::vector<CorsRule>());
}

}  // namespace

std::optional<std::vector<CorsRule>> parse_cors(const std::string& xml) {
  const auto document = parse_xml(xml);
  if (!document || document->name != "CORSConfiguration" || document->children.empty()) return std::nullopt;
  std::vector<CorsRule> rules;
  for (const XmlElement& element : document->children) {
    if (element.name != "CORSRule" || rules.size() == kRulesMax) return std::nullopt;
    if (!take_rule(element, rules.emplace_back())) return std::nullopt;
  }
  return rules;
}

S3Answer get_cors(S3Request& request) {
  const std::string text = request.bucket_label(kCorsLabel);
  if (text.empty()) return request.refuse(S3Error::no_such_configuration);
  return {.status = 200, .headers = {{"Content-Type", "application/xml"}}, .body = text};
}

S3Answer put_cors(S3Request& request) {
  const SmallBody body = small_body(request);
  if (body.refused) return *body.refused;
  if (!parse_cors(body.text)) return request.refuse(S3Error::malformed_xml);
  return put_label(request, kCorsLabel, body.text, 200);
}

S3Answer delete_cors(S3Request& request) { return put_label(request, kCorsLabel, "", 204); }

S3Answer answer_preflight(S3Request& request) {
  const HttpHead& head = request.head();
  const Asked asked{head.header_or_empty("origin"), head.header_or_empty("access-control-request-method"),
                    list_of(head.header_or_empty("access-control-request-headers"))};
  if (asked.origin.empty() || asked.method.empty()) return request.refuse(S3Error::invalid_request);
  const auto rules = rules_of(request);
  const CorsRule* rule = rule_for(rules, asked);
  if (rule == nullptr) return request.refuse(S3Error::access_forbidden);
  return {.status = 200, .headers = headers_of(*rule, asked), .body = {}};
}

Headers cors_headers(S3Request& request) {
  const HttpHead& head = request.head();
  const std::string* origin = head.header("origin");
  if (origin == nullptr || request.bucket.empty()) return {};
  const std::string* wished = head.header("access-control-request-method");
  const Asked asked{*origin, wished == nullptr ? head.method : *wished, {}};
  const auto rules = rules_of(request);
  const CorsRule* rule = rule_for(rules, asked);
  return rule == nullptr ? Headers() : headers_of(*rule, asked);
}

}  // namespace ciaos::sidecar
