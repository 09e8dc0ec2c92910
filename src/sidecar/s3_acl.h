// Access control lists as S3 has them: who may do what with a bucket or an object. Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/http_head.h"
#include "sidecar/s3_error.h"
#include "sidecar/xml.h"

namespace ciaos::sidecar {

enum class Permission { read, write, read_acp, write_acp, full_control };
enum class Grantee { user, everybody, somebody };  // somebody: whoever has a key

struct Grant {
  Permission permission = Permission::read;
  Grantee grantee = Grantee::user;
  std::string user;  // of a single one
  bool operator==(const Grant&) const = default;
};
using Acl = std::vector<Grant>;

inline constexpr std::size_t kGrantsMax = 100;

// Whose list it is, and of what.
struct AclOwners {
  std::string owner;         // of the bucket or object itself
  std::string bucket_owner;  // of the bucket it lies in
};
// "private", "public-read" and the others by name; nullopt: there is none of that name.
std::optional<Acl> canned_acl(std::string_view name, const AclOwners& owners);

// As a label keeps it. A canned one that speaks of nobody but the owner keeps its name, "" is private.
std::string acl_label(const Acl& acl, const std::string& owner);
Acl parse_acl_label(const std::string& label, const std::string& owner);

// Whether the list lets them; "" is nobody.
bool acl_grants(const Acl& acl, const std::string& user, Permission permission);
// Whether it speaks of more than single users.
bool is_public(const Acl& acl);

struct WantedAcl {
  std::optional<S3Error> fault;
  std::optional<Acl> acl;  // nullopt: none was asked for
};
using IsUser = std::function<bool(const std::string&)>;
// By x-amz-acl, or by the headers x-amz-grant-*.
WantedAcl acl_of_headers(const HttpHead& head, const AclOwners& owners, const IsUser& is_user);
// By an AccessControlPolicy.
WantedAcl acl_of_xml(const std::string& body, const std::string& owner, const IsUser& is_user);
void add_acl(XmlWriter& xml, const Acl& acl, const std::string& owner);

}  // namespace ciaos::sidecar
