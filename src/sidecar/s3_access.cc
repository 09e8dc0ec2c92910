#include "sidecar/s3_access.h"

#include <algorithm>

#include "sidecar/s3_policy.h"

namespace ciaos::sidecar {
namespace {

constexpr std::string_view kExistingTag = "s3:ExistingObjectTag/";
constexpr std::string_view kRequestTag = "s3:RequestObjectTag/";

std::vector<std::string> values_of_tag(const std::string& tags, std::string_view name) {
  std::vector<std::string> values;
  for (const auto& [tag, value] : parse_query(tags).value_or(Query())) {
    if (tag == name) values.push_back(value);
  }
  return values;
}

std::vector<std::string> one_if(const std::string* value) {
  return value == nullptr ? std::vector<std::string>() : std::vector<std::string>{*value};
}

// What a policy may ask about a request. Keys' names have no case, those of tags do.
std::vector<std::string> context_of(S3Request& request, const std::string& key) {
  const HttpHead& head = request.head();
  const std::string low = lowered(key);
  if (low.starts_with(lowered(kExistingTag))) {
    const auto info = request.client.lookup(request.path());
    if (!info.ok()) return {};
    return values_of_tag(label_of(*info, kTagsLabel), std::string_view(key).substr(kExistingTag.size()));
  }
  const std::string tags = head.header_or_empty("x-amz-tagging");
  if (low.starts_with(lowered(kRequestTag)))
    return values_of_tag(tags, std::string_view(key).substr(kRequestTag.size()));
  if (low == "s3:requestobjecttagkeys") {
    std::vector<std::string> names;
    for (const auto& [tag, value] : parse_query(tags).value_or(Query())) names.push_back(tag);
    return names;
  }
  if (low.starts_with("s3:x-amz-")) return one_if(head.header(low.substr(3)));
  if (low == "s3:prefix" || low == "s3:delimiter" || low == "s3:max-keys")
    return one_if(request.parameter(low.substr(3)));
  if (low == "aws:referer") return one_if(head.header("referer"));
  if (low == "aws:useragent") return one_if(head.header("user-agent"));
  if (low == "aws:sourceip") return {request.exchange.peer()};
  if (low == "aws:securetransport") return {request.exchange.is_secure() ? "true" : "false"};
  const bool is_name = low == "aws:username" || low == "aws:userid" || low == "aws:principal";
  if (is_name && !request.user.empty()) return {request.user};
  if (low == "s3:signatureversion" && request.signature) return {"AWS4-HMAC-SHA256"};
  if (low == "s3:authtype" && request.signature)
    return {request.signature->presigned ? "REST-QUERY-STRING" : "REST-HEADER"};
  return {};
}

bool is_about_policy(std::string_view action) {
  return action == "s3:GetBucketPolicy" || action == "s3:PutBucketPolicy" ||
         action == "s3:DeleteBucketPolicy";
}

PolicyVerdict judge(S3Request& request, const Policy& policy, std::string_view action, bool of_bucket) {
  return policy.judge(
      {.user = request.user,
       .action = std::string(action),
       .resource = of_bucket || request.key.empty() ? request.bucket : request.bucket + "/" + request.key,
       .context = [&](const std::string& key) {
         // Whoever asks for a key may be answered as one who lists it.
         if (of_bucket && lowered(key) == "s3:prefix" && !request.key.empty())
           return std::vector<std::string>{request.key};
         return context_of(request, key);
       }});
}

Acl acl_in_force(const std::string& label, const std::string& owner, const PublicBlock& block) {
  Acl acl = parse_acl_label(label, owner);
  if (block.ignore_acls) std::erase_if(acl, [](const Grant& g) { return g.grantee != Grantee::user; });
  return acl;
}

// Whether lists grant it; of the bucket, or of the object that the request names.
bool is_granted(S3Request& request, Access access, const PublicBlock& block, const Policy* policy) {
  const std::string owner = request.bucket_owner();
  const Acl of_bucket = acl_in_force(request.bucket_label(kAclLabel), owner, block);
  const auto bucket_grants = [&](Permission p) { return acl_grants(of_bucket, request.user, p); };
  switch (access) {
    case Access::list: return bucket_grants(Permission::read);
    case Access::write: return bucket_grants(Permission::write);
    case Access::owner: return false;
    case Access::key: return !request.user.empty();
    case Access::each: return true;
    case Access::read:
    case Access::read_acl:
    case Access::write_acl: break;
  }
  const Permission permission = access == Access::read       ? Permission::read
                                : access == Access::read_acl ? Permission::read_acp
                                                             : Permission::write_acp;
  if (request.key.empty()) return bucket_grants(permission);
  const auto object = request.client.lookup(request.path());
  // That there is none is for those to know who may list.
  if (!object.ok())
    return bucket_grants(Permission::read) ||
           (policy != nullptr &&
            judge(request, *policy, "s3:ListBucket", /*of_bucket=*/true) == PolicyVerdict::allowed);
  const std::string object_of = object_owner(request, *object);
  if (!request.user.empty() && object_of == request.user) return true;
  return acl_grants(acl_in_force(label_of(*object, kAclLabel), object_of, block), request.user, permission);
}

}  // namespace

std::optional<S3Answer> refuse_access(S3Request& request, const Need& need) {
  if (!request.settings.authenticate) {
    // Nobody is refused then, and a missing bucket is found by the verb itself: a round trip less.
    if (!request.key.empty() || need.access == Access::key) return std::nullopt;
    const auto bucket = request.bucket_info();
    return bucket.ok() ? std::nullopt : std::optional(request.refuse(bucket.error()));
  }
  if (need.access == Access::key)
    return request.user.empty() ? std::optional(request.refuse(S3Error::access_denied)) : std::nullopt;
  const auto bucket = request.bucket_info();
  if (!bucket.ok()) return request.refuse(bucket.error());
  const std::string owner = label_of(*bucket, kOwnerLabel);
  const std::string* expected = request.head().header(request.is_source ? "x-amz-source-expected-bucket-owner"
                                                                        : "x-amz-expected-bucket-owner");
  if (expected != nullptr && *expected != owner) return request.refuse(S3Error::access_denied);
  if (need.access == Access::each) return std::nullopt;
  // A directory that somebody made on the mount is of nobody: whoever has a key may use it.
  const bool is_owner = !request.user.empty() && (owner.empty() || owner == request.user);
  std::optional<Policy> policy;
  if (const std::string text = label_of(*bucket, kPolicyLabel); !text.empty()) {
    policy = Policy::parse(text);
    if (!policy && !is_owner) return request.refuse(S3Error::access_denied);
  }
  const PolicyVerdict verdict =
      policy ? judge(request, *policy, need.action, /*of_bucket=*/false) : PolicyVerdict::silent;
  if (verdict == PolicyVerdict::denied && !(is_owner && is_about_policy(need.action)))
    return request.refuse(S3Error::access_denied);
  if (is_owner) return std::nullopt;
  const PublicBlock block = parse_public_block(label_of(*bucket, kPublicBlockLabel));
  const bool policy_counts = !(block.restrict && policy && policy->is_public());
  if (verdict == PolicyVerdict::allowed && policy_counts) return std::nullopt;
  if (is_granted(request, need.access, block, policy_counts && policy ? &*policy : nullptr))
    return std::nullopt;
  return request.refuse(S3Error::access_denied);
}

PublicBlock parse_public_block(const std::string& label) {
  const auto has = [&](char letter) { return label.find(letter) != std::string::npos; };
  return {.block_acls = has('a'), .ignore_acls = has('i'), .block_policy = has('p'), .restrict = has('r')};
}

std::string public_block_label(const PublicBlock& block) {
  // Never empty: a configuration that forbids nothing is one, too.
  return std::string("-") + (block.block_acls ? "a" : "") + (block.ignore_acls ? "i" : "") +
         (block.block_policy ? "p" : "") + (block.restrict ? "r" : "");
}

std::string object_owner(S3Request& request, const engine::ObjectInfo& info) {
  if (request.bucket_label(kOwnershipLabel) == "BucketOwnerEnforced") return request.bucket_owner();
  const std::string owner = label_of(info, kOwnerLabel);
  return owner.empty() ? request.bucket_owner() : owner;
}

std::optional<S3Answer> refuse_acl(S3Request& request, const Acl& acl) {
  const PublicBlock block = parse_public_block(request.bucket_label(kPublicBlockLabel));
  if (block.block_acls && is_public(acl)) return request.refuse(S3Error::access_denied);
  if (request.bucket_label(kOwnershipLabel) != "BucketOwnerEnforced") return std::nullopt;
  const std::string owner = request.bucket_owner();
  const Grant everything{Permission::full_control, Grantee::user, owner};
  const bool says_nothing = std::ranges::all_of(acl, [&](const Grant& grant) {
    return grant == everything || grant == Grant{Permission::full_control, Grantee::user, request.user};
  });
  if (says_nothing && std::ranges::find(acl, everything) != acl.end()) return std::nullopt;
  return request.refuse(S3Error::acl_not_supported);
}

std::optional<S3Answer> take_acl_headers(S3Request& request, engine::Labels& labels) {
  if (!request.settings.authenticate) return std::nullopt;
  const std::string bucket_owner = request.bucket_owner();
  const std::string ownership = request.bucket_label(kOwnershipLabel);
  std::string owner = request.user.empty() ? bucket_owner : request.user;
  const auto known = [&](const std::string& name) { return is_user(request.settings, name); };
  const WantedAcl wanted = acl_of_headers(request.head(), {owner, bucket_owner}, known);
  if (wanted.fault) return request.refuse(*wanted.fault);
  if (wanted.acl) {
    if (auto refused = refuse_acl(request, *wanted.acl)) return refused;
  }
  if (ownership == "BucketOwnerEnforced") return std::nullopt;
  if (ownership == "BucketOwnerPreferred" &&
      request.head().header_or_empty("x-amz-acl") == "bucket-owner-full-control")
    owner = bucket_owner;
  if (owner != bucket_owner) labels[kOwnerLabel] = owner;
  if (wanted.acl) {
    if (const std::string label = acl_label(*wanted.acl, owner); !label.empty()) labels[kAclLabel] = label;
  }
  return std::nullopt;
}

bool is_user(const Settings& settings, const std::string& name) {
  return !name.empty() && settings.keys->has_user(name);
}

}  // namespace ciaos::sidecar
