// What says who may do what: access control lists, policies, public access blocks, ownership controls.
#include <algorithm>

#include "sidecar/s3_access.h"
#include "sidecar/s3_operations.h"
#include "sidecar/s3_policy.h"

namespace ciaos::sidecar {
namespace {

constexpr std::string_view kOwnerships[] = {"BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"};

std::string_view truth(bool value) { return value ? "true" : "false"; }

bool has_public_policy(S3Request& request) {
  const std::string text = request.bucket_label(kPolicyLabel);
  const auto policy = text.empty() ? std::nullopt : Policy::parse(text);
  return policy && policy->is_public();
}

}  // namespace

bool is_ownership(const std::string& text) {
  return std::ranges::find(kOwnerships, text) != std::end(kOwnerships);
}

S3Answer get_acl(S3Request& request) {
  const auto info = request.client.lookup(request.path());
  if (!info.ok()) return request.refuse(info.error());
  const std::string owner = request.key.empty() ? request.bucket_owner() : object_owner(request, *info);
  XmlWriter xml("AccessControlPolicy");
  add_acl(xml, parse_acl_label(label_of(*info, kAclLabel), owner), owner);
  return xml_answer(xml);
}

S3Answer put_acl(S3Request& request) {
  const auto info = request.client.lookup(request.path());
  if (!info.ok()) return request.refuse(info.error());
  const std::string owner = request.key.empty() ? request.bucket_owner() : object_owner(request, *info);
  const SmallBody body = small_body(request);
  if (body.refused) return *body.refused;
  if (request.bucket_label(kOwnershipLabel) == "BucketOwnerEnforced" &&
      request.head().header_or_empty("x-amz-acl") != "bucket-owner-full-control")
    return request.refuse(S3Error::acl_not_supported);
  const auto known = [&](const std::string& name) { return is_user(request.settings, name); };
  WantedAcl wanted = acl_of_headers(request.head(), {owner, request.bucket_owner()}, known);
  if (!wanted.acl && !wanted.fault) wanted = acl_of_xml(body.text, owner, known);
  if (wanted.fault) return request.refuse(*wanted.fault);
  if (auto refused = refuse_acl(request, *wanted.acl)) return *refused;
  return put_label(request, kAclLabel, acl_label(*wanted.acl, owner), 200);
}

S3Answer get_policy(S3Request& request) {
  const std::string text = request.bucket_label(kPolicyLabel);
  if (text.empty()) return request.refuse(S3Error::no_such_policy);
  return {.status = 200, .headers = {{"Content-Type", "application/json"}}, .body = text};
}

S3Answer get_policy_status(S3Request& request) {
  const Acl acl = parse_acl_label(request.bucket_label(kAclLabel), request.bucket_owner());
  XmlWriter xml("PolicyStatus");
  xml.add("IsPublic", truth(is_public(acl) || has_public_policy(request)));
  return xml_answer(xml);
}

S3Answer put_policy(S3Request& request) {
  const SmallBody body = small_body(request);
  if (body.refused) return *body.refused;
  const auto policy = Policy::parse(body.text);
  if (!policy) return request.refuse(S3Error::malformed_policy);
  const PublicBlock block = parse_public_block(request.bucket_label(kPublicBlockLabel));
  if (block.block_policy && policy->is_public()) return request.refuse(S3Error::access_denied);
  return put_label(request, kPolicyLabel, body.text, 204);
}

S3Answer delete_policy(S3Request& request) { return put_label(request, kPolicyLabel, "", 204); }

S3Answer get_public_block(S3Request& request) {
  const std::string label = request.bucket_label(kPublicBlockLabel);
  if (label.empty()) return request.refuse(S3Error::no_such_public_block);
  const PublicBlock block = parse_public_block(label);
  XmlWriter xml("PublicAccessBlockConfiguration");
  xml.add("BlockPublicAcls", truth(block.block_acls))
      .add("IgnorePublicAcls", truth(block.ignore_acls))
      .add("BlockPublicPolicy", truth(block.block_policy))
      .add("RestrictPublicBuckets", truth(block.restrict));
  return xml_answer(xml);
}

S3Answer put_public_block(S3Request& request) {
  const SmallBody body = small_body(request);
  if (body.refused) return *body.refused;
  const auto document = parse_xml(body.text);
  if (!document || document->name != "PublicAccessBlockConfiguration")
    return request.refuse(S3Error::malformed_xml);
  const auto says = [&](std::string_view name) {
    const std::string text = document->text_of(name);
    return text == "true" || text == "True" || text == "TRUE";
  };
  const PublicBlock block{.block_acls = says("BlockPublicAcls"),
                          .ignore_acls = says("IgnorePublicAcls"),
                          .block_policy = says("BlockPublicPolicy"),
                          .restrict = says("RestrictPublicBuckets")};
  return put_label(request, kPublicBlockLabel, public_block_label(block), 200);
}

S3Answer delete_public_block(S3Request& request) { return put_label(request, kPublicBlockLabel, "", 204); }

S3Answer get_ownership(S3Request& request) {
  const std::string ownership = request.bucket_label(kOwnershipLabel);
  if (ownership.empty()) return request.refuse(S3Error::no_such_ownership);
  XmlWriter xml("OwnershipControls");
  xml.open("Rule").add("ObjectOwnership", ownership);
  return xml_answer(xml);
}

S3Answer put_ownership(S3Request& request) {
  const SmallBody body = small_body(request);
  if (body.refused) return *body.refused;
  const auto document = parse_xml(body.text);
  const XmlElement* rule = document ? document->child("Rule") : nullptr;
  const std::string ownership = rule == nullptr ? std::string() : rule->text_of("ObjectOwnership");
  if (!is_ownership(ownership)) return request.refuse(S3Error::malformed_xml);
  if (ownership == "BucketOwnerEnforced" && !request.bucket_label(kAclLabel).empty())
    return request.refuse(S3Error::bad_acl_for_ownership);
  return put_label(request, kOwnershipLabel, ownership, 200);
}

S3Answer delete_ownership(S3Request& request) { return put_label(request, kOwnershipLabel, "", 204); }

}  // namespace ciaos::sidecar
