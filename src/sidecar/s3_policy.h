// Bucket policies: JSON documents of statements that allow or deny. Pure.
//
// What a policy says and we do not know is refused when it is put: a condition that nobody understands must not come to mean
// "always" or "never" later.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ciaos::sidecar {

inline constexpr std::size_t kPolicyBytesMax = 20 * 1024;

// Values of a condition's key in a request; empty: it has none.
using PolicyContext = std::function<std::vector<std::string>(const std::string& key)>;

struct PolicyQuestion {
  std::string user;      // "": nobody
  std::string action;    // "s3:GetObject"
  std::string resource;  // "bucket" or "bucket/key"
  PolicyContext context;
};
enum class PolicyVerdict { silent, allowed, denied };

class Policy {
 public:
  // nullopt: not a policy, or one with something in it that is not known here.
  static std::optional<Policy> parse(const std::string& json);
  // A statement that denies wins.
  PolicyVerdict judge(const PolicyQuestion& question) const;
  // Whether it allows something to everybody, from everywhere.
  bool is_public() const;

  struct Condition {
    std::string test;  // StringEquals and the others, without "IfExists"
    bool if_exists = false;
    std::string key;
    std::vector<std::string> values;
  };
  struct Statement {
    bool allows = false;
    bool everybody = false;
    bool all_but = false;  // the users named are those it is not about
    std::vector<std::string> users;
    bool other_actions = false;
    std::vector<std::string> actions;
    bool other_resources = false;
    std::vector<std::string> resources;
    std::vector<Condition> conditions;
  };

 private:
  std::vector<Statement> statements_;
};

// With "*" for any characters and "?" for one.
bool matches_pattern(std::string_view text, std::string_view pattern);
// Whether an address lies in "10.0.0.0/8" or "fd00::/8", or is the one named.
bool address_matches(const std::string& address, const std::string& network);

}  // namespace ciaos::sidecar
