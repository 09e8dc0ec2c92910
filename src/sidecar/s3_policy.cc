#include "sidecar/s3_policy.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "sidecar/http_head.h"

namespace ciaos::sidecar {
namespace {

using Json = nlohmann::json;
using Strings = std::vector<std::string>;

constexpr std::size_t kStatementsMax = 200;
constexpr std::string_view kResourcePrefix = "arn:aws:s3:::";
constexpr std::string_view kTests[] = {
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "ArnEquals",
    "ArnNotEquals",
    "ArnLike",
    "ArnNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "Bool",
    "Null",
    "IpAddress",
    "NotIpAddress",
};
// Keys of conditions, and beginnings of them that end in "/" or "-".
constexpr std::string_view kKeys[] = {"aws:sourceip",   "aws:securetransport",
                                      "aws:referer",    "aws:useragent",
                                      "aws:username",   "aws:userid",
                                      "s3:prefix",      "s3:delimiter",
                                      "s3:max-keys",    "s3:existingobjecttag/",
                                      "s3:x-amz-",      "s3:requestobjecttag/",
                                      "s3:authtype",    "s3:signatureversion",
                                      "aws:principal",  "s3:requestobjecttagkeys",
                                      "s3:signatureage"};

const Json* member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

// One string, or a list of them; with `scalars`, numbers and truths as well. nullopt: neither.
std::optional<Strings> strings_of(const Json& value, bool scalars = false) {
  Strings out;
  const auto add = [&](const Json& one) {
    if (const auto* text = one.get_ptr<const std::string*>()) {
      out.push_back(*text);
    } else if (scalars && (one.is_boolean() || one.is_number_integer())) {
      out.push_back(one.dump());
    } else {
      return false;
    }
    // A variable would have to be replaced by what it stands for.
    return out.back().find("${") == std::string::npos;
  };
  if (!value.is_array()) return add(value) ? std::optional(out) : std::nullopt;
  for (const Json& one : value) {
    if (!add(one)) return std::nullopt;
  }
  return out;
}

// "arn:aws:iam::ACCOUNT:user/NAME" is NAME and "arn:aws:iam::ACCOUNT:root" ACCOUNT, for us an account being a user.
std::string user_of_principal(const std::string& principal) {
  if (!principal.starts_with("arn:aws:iam:")) return principal;
  const std::string_view rest = std::string_view(principal).substr(principal.rfind(':') + 1);
  if (rest.starts_with("user/")) return std::string(rest.substr(rest.rfind('/') + 1));
  const std::size_t end = principal.rfind(':');
  const std::size_t begin = principal.rfind(':', end - 1);
  return principal.substr(begin + 1, end - begin - 1);
}

bool take_principal(const Json& principal, Policy::Statement& out) {
  Strings named;
  if (principal.is_object()) {
    for (const char* kind : {"AWS", "CanonicalUser", "Service"}) {
      const Json* of_kind = member(principal, kind);
      if (of_kind == nullptr) continue;
      const auto names = strings_of(*of_kind);
      if (!names) return false;
      // No service calls here, so one that is named is nobody.
      if (std::string_view(kind) != "Service") named.insert(named.end(), names->begin(), names->end());
    }
  } else {
    const auto names = strings_of(principal);
    if (!names) return false;
    named = *names;
  }
  for (const std::string& name : named) {
    if (name == "*") out.everybody = true;
    out.users.push_back(user_of_principal(name));
  }
  return true;
}

bool take_condition(const std::string& name, const Json& keys, Policy::Statement& out) {
  std::string test = name;
  constexpr std::string_view kAnyValue = "ForAnyValue:";  // is what a plain test does as well
  if (test.starts_with(kAnyValue)) test.erase(0, kAnyValue.size());
  const bool if_exists = test.ends_with("IfExists");
  if (if_exists) test.resize(test.size() - 8);
  if (std::ranges::find(kTests, test) == std::end(kTests) || !keys.is_object()) return false;
  for (const auto& [key, value] : keys.items()) {
    const std::string low = lowered(key);
    const bool known = std::ranges::any_of(kKeys, [&](std::string_view k) {
      return k.ends_with('/') || k.ends_with('-') ? low.starts_with(k) : low == k;
    });
    const auto values = strings_of(value, /*scalars=*/true);
    if (!known || !values) return false;
    out.conditions.push_back({test, if_exists, key, *values});
  }
  return true;
}

bool take_statement(const Json& json, Policy::Statement& out) {
  if (!json.is_object()) return false;
  const Json* effect = member(json, "Effect");
  if (effect == nullptr || (*effect != "Allow" && *effect != "Deny")) return false;
  out.allows = *effect == "Allow";
  const auto take_list = [&](const char* name, const char* other_name, Strings& list, bool& others) {
    const Json* plain = member(json, name);
    const Json* other = member(json, other_name);
    if ((plain == nullptr) == (other == nullptr)) return false;
    others = other != nullptr;
    auto strings = strings_of(others ? *other : *plain);
    if (!strings) return false;
    list = *std::move(strings);
    return !list.empty();
  };
  if (!take_list("Action", "NotAction", out.actions, out.other_actions)) return false;
  if (!take_list("Resource", "NotResource", out.resources, out.other_resources)) return false;
  for (std::string& resource : out.resources) {
    if (resource.starts_with(kResourcePrefix)) {
      resource.erase(0, kResourcePrefix.size());
    } else if (resource != "*") {
      return false;
    }
  }
  const Json* principal = member(json, "Principal");
  const Json* all_but = member(json, "NotPrincipal");
  if ((principal == nullptr) == (all_but == nullptr)) return false;
  out.all_but = all_but != nullptr;
  // Whom a NotPrincipal allows is everybody else, nobody included: never what was meant.
  if (out.all_but && out.allows) return false;
  if (!take_principal(out.all_but ? *all_but : *principal, out)) return false;
  const Json* conditions = member(json, "Condition");
  if (conditions == nullptr) return true;
  if (!conditions->is_object()) return false;
  for (const auto& [name, keys] : conditions->items()) {
    if (!take_condition(name, keys, out)) return false;
  }
  return true;
}

std::optional<std::int64_t> number_of(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// Whether one value of the request passes against one of the policy, by a test that denies nothing itself.
bool passes(std::string_view test, const std::string& got, const std::string& wanted) {
  if (test == "StringEquals") return got == wanted;
  if (test == "StringEqualsIgnoreCase" || test == "Bool") return lowered(got) == lowered(wanted);
  if (test == "IpAddress") return address_matches(got, wanted);
  if (test.starts_with("Numeric")) {
    const auto a = number_of(got);
    const auto b = number_of(wanted);
    if (!a || !b) return false;
    if (test == "NumericEquals") return *a == *b;
    if (test == "NumericLessThan") return *a < *b;
    if (test == "NumericLessThanEquals") return *a <= *b;
    if (test == "NumericGreaterThan") return *a > *b;
    return *a >= *b;
  }
  return matches_pattern(got, wanted);
}

bool holds(const Policy::Condition& condition, const PolicyContext& context) {
  const Strings got = context(condition.key);
  if (condition.test == "Null") return (condition.values == Strings{"true"}) == got.empty();
  std::string test = condition.test;
  const std::size_t negation = test.find("Not");
  const bool negated = negation != std::string::npos;
  if (negated) test.erase(negation, 3);
  if (got.empty()) return condition.if_exists || negated;
  const bool any = std::ranges::any_of(got, [&](const std::string& value) {
    return std::ranges::any_of(condition.values,
                               [&](const std::string& wanted) { return passes(test, value, wanted); });
  });
  return any != negated;
}

bool is_about(const Policy::Statement& statement, const PolicyQuestion& question) {
  const bool named =
      statement.everybody ||
      (!question.user.empty() && std::ranges::find(statement.users, question.user) != statement.users.end());
  if (named == statement.all_but) return false;
  const std::string action = lowered(question.action);
  const bool acts = std::ranges::any_of(
      statement.actions, [&](const std::string& p) { return matches_pattern(action, lowered(p)); });
  if (acts == statement.other_actions) return false;
  const bool there = std::ranges::any_of(
      statement.resources, [&](const std::string& p) { return matches_pattern(question.resource, p); });
  if (there == statement.other_resources) return false;
  return std::ranges::all_of(statement.conditions,
                             [&](const auto& condition) { return holds(condition, question.context); });
}

}  // namespace

std::optional<Policy> Policy::parse(const std::string& text) {
  if (text.size() > kPolicyBytesMax) return std::nullopt;
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  const Json* version = member(json, "Version");
  if (version != nullptr && *version != "2012-10-17" && *version != "2008-10-17") return std::nullopt;
  const Json* statements = member(json, "Statement");
  if (statements == nullptr) return std::nullopt;
  Policy policy;
  if (statements->is_object()) {
    if (!take_statement(*statements, policy.statements_.emplace_back())) return std::nullopt;
    return policy;
  }
  if (!statements->is_array() || statements->empty() || statements->size() > kStatementsMax)
    return std::nullopt;
  for (const Json& statement : *statements) {
    if (!take_statement(statement, policy.statements_.emplace_back())) return std::nullopt;
  }
  return policy;
}

PolicyVerdict Policy::judge(const PolicyQuestion& question) const {
  PolicyVerdict verdict = PolicyVerdict::silent;
  for (const Statement& statement : statements_) {
    if (!is_about(statement, question)) continue;
    if (!statement.allows) return PolicyVerdict::denied;
    verdict = PolicyVerdict::allowed;
  }
  return verdict;
}

bool Policy::is_public() const {
  return std::ranges::any_of(statements_, [](const Statement& statement) {
    const bool narrowed = std::ranges::any_of(statement.conditions, [](const Condition& condition) {
      return condition.test == "IpAddress" && !condition.if_exists &&
             std::ranges::none_of(condition.values, [](const std::string& v) { return v.ends_with("/0"); });
    });
    return statement.allows && statement.everybody && !narrowed;
  });
}

bool matches_pattern(std::string_view text, std::string_view pattern) {
  std::size_t t = 0;
  std::size_t p = 0;
  std::size_t star = std::string_view::npos;
  std::size_t taken = 0;  // where the text goes on behind what the last star took
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++taken;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool address_matches(const std::string& address, const std::string& network) {
  const std::size_t slash = network.find('/');
  const std::string base = network.substr(0, slash);
  const int family = base.find(':') == std::string::npos ? AF_INET : AF_INET6;
  std::array<unsigned char, 16> a{};
  std::array<unsigned char, 16> b{};
  if (::inet_pton(family, address.c_str(), a.data()) != 1 || ::inet_pton(family, base.c_str(), b.data()) != 1)
    return false;
  std::int64_t bits = family == AF_INET ? 32 : 128;
  if (slash != std::string::npos) {
    const auto given = number_of(network.substr(slash + 1));
    if (!given || *given < 0 || *given > bits) return false;
    bits = *given;
  }
  for (std::size_t i = 0; bits > 0; ++i, bits -= 8) {
    const int mask = bits >= 8 ? 0xFF : 0xFF << (8 - bits) & 0xFF;
    if ((a[i] & mask) != (b[i] & mask)) return false;
  }
  return true;
}

}  // namespace ciaos::sidecar
