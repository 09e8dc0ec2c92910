#include "sidecar/s3_acl.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace ciaos::sidecar {
namespace {

constexpr std::string_view kEverybody = "http://acs.amazonaws.com/groups/global/AllUsers";
constexpr std::string_view kSomebody = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
constexpr std::string_view kNobodyLabel = "none";

struct PermissionName {
  Permission permission;
  std::string_view name;
  std::string_view header;
};
constexpr PermissionName kPermissions[] = {
    {Permission::read, "READ", "x-amz-grant-read"},
    {Permission::write, "WRITE", "x-amz-grant-write"},
    {Permission::read_acp, "READ_ACP", "x-amz-grant-read-acp"},
    {Permission::write_acp, "WRITE_ACP", "x-amz-grant-write-acp"},
    {Permission::full_control, "FULL_CONTROL", "x-amz-grant-full-control"},
};

std::string_view name_of(Permission permission) {
  return std::ranges::find(kPermissions, permission, &PermissionName::permission)->name;
}

std::optional<Permission> permission_of(std::string_view name) {
  const auto* found = std::ranges::find(kPermissions, name, &PermissionName::name);
  return found == std::end(kPermissions) ? std::nullopt : std::optional(found->permission);
}

std::vector<std::string> pieces_of(std::string_view text, char at) {
  std::vector<std::string> pieces;
  while (!text.empty()) {
    pieces.emplace_back(text.substr(0, text.find(at)));
    text.remove_prefix(std::min(text.size(), pieces.back().size() + 1));
  }
  return pieces;
}

std::optional<Grant> group_grant(std::string_view uri, Permission permission) {
  if (uri == kEverybody) return Grant{permission, Grantee::everybody, {}};
  if (uri == kSomebody) return Grant{permission, Grantee::somebody, {}};
  return std::nullopt;
}

// One grantee of a header: id="NAME", uri="...", emailAddress="...".
std::optional<S3Error> add_header_grant(Acl& acl, std::string_view text, Permission permission,
                                        const IsUser& is_user) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return S3Error::invalid_argument;
  const std::string_view kind = text.substr(0, equals);
  std::string_view value = text.substr(equals + 1);
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
    value = value.substr(1, value.size() - 2);
  if (kind == "id") {
    if (!is_user(std::string(value))) return S3Error::invalid_argument;
    acl.push_back({permission, Grantee::user, std::string(value)});
    return std::nullopt;
  }
  if (kind == "emailAddress") return S3Error::unresolvable_email;
  const auto grant = kind == "uri" ? group_grant(value, permission) : std::nullopt;
  if (!grant) return S3Error::invalid_argument;
  acl.push_back(*grant);
  return std::nullopt;
}

}  // namespace

std::optional<Acl> canned_acl(std::string_view name, const AclOwners& owners) {
  const Grant own{Permission::full_control, Grantee::user, owners.owner};
  const Grant everybody_reads{Permission::read, Grantee::everybody, {}};
  if (name == "private") return Acl{own};
  if (name == "public-read") return Acl{everybody_reads, own};
  if (name == "public-read-write")
    return Acl{everybody_reads, {Permission::write, Grantee::everybody, {}}, own};
  if (name == "authenticated-read") return Acl{{Permission::read, Grantee::somebody, {}}, own};
  if (name != "bucket-owner-read" && name != "bucket-owner-full-control") return std::nullopt;
  Acl acl{own};
  const auto permission = name == "bucket-owner-read" ? Permission::read : Permission::full_control;
  if (owners.bucket_owner != owners.owner) acl.push_back({permission, Grantee::user, owners.bucket_owner});
  return acl;
}

std::string acl_label(const Acl& acl, const std::string& owner) {
  for (const std::string_view name : {"private", "public-read", "public-read-write", "authenticated-read"}) {
    if (acl == canned_acl(name, {owner, owner})) return name == "private" ? "" : std::string(name);
  }
  if (acl.empty()) return std::string(kNobodyLabel);
  std::string label;
  for (const Grant& grant : acl) {
    const std::string grantee = grant.grantee == Grantee::user        ? "user " + grant.user
                                : grant.grantee == Grantee::everybody ? "everybody"
                                                                      : "somebody";
    label += fmt::format("{} {}\n", name_of(grant.permission), grantee);
  }
  return label;
}

Acl parse_acl_label(const std::string& label, const std::string& owner) {
  if (label == kNobodyLabel) return {};
  if (auto canned = canned_acl(label.empty() ? "private" : label, {owner, owner})) return *std::move(canned);
  Acl acl;
  for (const std::string& line : pieces_of(label, '\n')) {
    const std::vector<std::string> words = pieces_of(line, ' ');
    const auto permission = permission_of(words.front());
    if (!permission || words.size() < 2) continue;
    if (words[1] == "everybody") acl.push_back({*permission, Grantee::everybody, {}});
    if (words[1] == "somebody") acl.push_back({*permission, Grantee::somebody, {}});
    if (words[1] == "user" && words.size() == 3) acl.push_back({*permission, Grantee::user, words[2]});
  }
  return acl;
}

bool acl_grants(const Acl& acl, const std::string& user, Permission permission) {
  return std::ranges::any_of(acl, [&](const Grant& grant) {
    if (grant.permission != permission && grant.permission != Permission::full_control) return false;
    switch (grant.grantee) {
      case Grantee::everybody: return true;
      case Grantee::somebody: return !user.empty();
      case Grantee::user: return !user.empty() && grant.user == user;
    }
    return false;
  });
}

bool is_public(const Acl& acl) {
  return std::ranges::any_of(acl, [](const Grant& grant) { return grant.grantee != Grantee::user; });
}

WantedAcl acl_of_headers(const HttpHead& head, const AclOwners& owners, const IsUser& is_user) {
  WantedAcl wanted;
  const std::string* canned = head.header("x-amz-acl");
  for (const PermissionName& row : kPermissions) {
    const std::string* grantees = head.header(row.header);
    if (grantees == nullptr) continue;
    if (canned != nullptr) return {S3Error::invalid_request, std::nullopt};
    if (!wanted.acl) wanted.acl.emplace();
    for (const std::string& grantee : pieces_of(*grantees, ',')) {
      wanted.fault = add_header_grant(*wanted.acl, grantee, row.permission, is_user);
      if (wanted.fault) return wanted;
    }
  }
  if (wanted.acl && wanted.acl->size() > kGrantsMax) wanted.fault = S3Error::invalid_argument;
  if (canned == nullptr) return wanted;
  wanted.acl = canned_acl(*canned, owners);
  if (!wanted.acl) wanted.fault = S3Error::invalid_argument;
  return wanted;
}

WantedAcl acl_of_xml(const std::string& body, const std::string& owner, const IsUser& is_user) {
  const auto document = parse_xml(body);
  const XmlElement* list = document ? document->child("AccessControlList") : nullptr;
  if (list == nullptr || document->name != "AccessControlPolicy" || document->child("Owner") == nullptr)
    return {S3Error::malformed_acl, std::nullopt};
  // The owner stays who it is; a list that names another one was meant for something else.
  if (document->child("Owner")->text_of("ID") != owner) return {S3Error::access_denied, std::nullopt};
  Acl acl;
  for (const XmlElement& element : list->children) {
    const XmlElement* grantee = element.child("Grantee");
    const auto permission = permission_of(element.text_of("Permission"));
    if (element.name != "Grant" || grantee == nullptr || !permission || acl.size() == kGrantsMax)
      return {S3Error::malformed_acl, std::nullopt};
    if (grantee->child("EmailAddress") != nullptr) return {S3Error::unresolvable_email, std::nullopt};
    if (const XmlElement* uri = grantee->child("URI")) {
      const auto grant = group_grant(uri->text, *permission);
      if (!grant) return {S3Error::invalid_argument, std::nullopt};
      acl.push_back(*grant);
    } else {
      const std::string user = grantee->text_of("ID");
      if (!is_user(user)) return {S3Error::invalid_argument, std::nullopt};
      acl.push_back({*permission, Grantee::user, user});
    }
  }
  return {std::nullopt, std::move(acl)};
}

void add_acl(XmlWriter& xml, const Acl& acl, const std::string& owner) {
  xml.open("Owner").add("ID", owner).add("DisplayName", owner).close();
  xml.open("AccessControlList");
  for (const Grant& grant : acl) {
    // By the attribute clients tell what a grantee is.
    const bool is_user = grant.grantee == Grantee::user;
    xml.open("Grant").open(
        "Grantee", fmt::format("xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"{}\"",
                               is_user ? "CanonicalUser" : "Group"));
    if (is_user) {
      xml.add("ID", grant.user).add("DisplayName", grant.user);
    } else {
      xml.add("URI", grant.grantee == Grantee::everybody ? kEverybody : kSomebody);
    }
    xml.close().add("Permission", name_of(grant.permission)).close();
  }
  xml.close();
}

}  // namespace ciaos::sidecar
