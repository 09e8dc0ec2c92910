// Whether somebody may do something: the owner, the bucket's policy, and access control lists.
//
//   a policy denies ──> refused (but its owner may always see, put and delete the policy)
//   owner of the bucket, or the policy allows, or a list grants it ──> admitted
//   else ──> refused
#pragma once

#include <optional>
#include <string_view>

#include "sidecar/s3_acl.h"
#include "sidecar/s3_request.h"

namespace ciaos::sidecar {

enum class Access {
  key,        // whoever has an access key
  each,       // the handler asks for every key by itself
  list,       // what a list calls READ of a bucket
  write,      // WRITE of the bucket
  read,       // READ of the object
  read_acl,   // READ_ACP of the object or bucket
  write_acl,  // WRITE_ACP
  owner,      // of the bucket
};
struct Need {
  Access access = Access::owner;
  std::string_view action;  // as policies name it: "s3:GetObject"
};
// An answer means: refuse so.
std::optional<S3Answer> refuse_access(S3Request& request, const Need& need);

// What a bucket forbids, whatever lists and policies say.
struct PublicBlock {
  bool block_acls = false;    // "a": public lists cannot be put
  bool ignore_acls = false;   // "i": those that are there grant nothing to groups
  bool block_policy = false;  // "p": public policies cannot be put
  bool restrict = false;      // "r": one that is there allows nothing to others
};
PublicBlock parse_public_block(const std::string& label);
std::string public_block_label(const PublicBlock& block);

// Who owns an object of the bucket, of which `info` is known.
std::string object_owner(S3Request& request, const engine::ObjectInfo& info);
// The list that the headers of a PUT ask for, as labels: kAclLabel and kOwnerLabel. An answer means: refuse so.
std::optional<S3Answer> take_acl_headers(S3Request& request, engine::Labels& labels);
// Whether the bucket takes that list. An answer means: refuse so.
std::optional<S3Answer> refuse_acl(S3Request& request, const Acl& acl);
bool is_user(const Settings& settings, const std::string& name);

}  // namespace ciaos::sidecar
