#include "sidecar/s3.h"

#include <algorithm>

#include "sidecar/s3_access.h"
#include "sidecar/s3_cors.h"
#include "sidecar/s3_encryption.h"
#include "sidecar/s3_operations.h"

namespace ciaos::sidecar {
namespace {

using Handler = S3Answer (*)(S3Request&);

enum class Scope { service, bucket, object };

// The first row that fits is the operation: method, what the path names, and a parameter that has to be there.
struct Row {
  std::string_view method;
  Scope scope;
  std::string_view parameter;
  std::string_view header;
  Need need;
  Handler handler;
  std::string_view name;
};
using enum Access;
using enum Scope;
// clang-format off
constexpr Row kRows[] = {
    {"GET", service, "", "", {key, ""}, list_buckets, "ListBuckets"},
    {"PUT", bucket, "acl", "", {write_acl, "s3:PutBucketAcl"}, put_acl, "PutBucketAcl"},
    {"PUT", bucket, "tagging", "", {owner, "s3:PutBucketTagging"}, put_tags, "PutBucketTagging"},
    {"PUT", bucket, "policy", "", {owner, "s3:PutBucketPolicy"}, put_policy, "PutBucketPolicy"},
    {"PUT", bucket, "cors", "", {owner, "s3:PutBucketCORS"}, put_cors, "PutBucketCors"},
    {"PUT", bucket, "publicAccessBlock", "",
     {owner, "s3:PutBucketPublicAccessBlock"}, put_public_block, "PutPublicAccessBlock"},
    {"PUT", bucket, "ownershipControls", "",
     {owner, "s3:PutBucketOwnershipControls"}, put_ownership, "PutBucketOwnershipControls"},
    {"PUT", bucket, "encryption", "", {owner, "s3:PutEncryptionConfiguration"}, put_encryption, "PutBucketEncryption"},
    {"GET", bucket, "encryption", "", {owner, "s3:GetEncryptionConfiguration"}, get_encryption, "GetBucketEncryption"},
    {"DELETE", bucket, "encryption", "",
     {owner, "s3:PutEncryptionConfiguration"}, delete_encryption, "DeleteBucketEncryption"},
    {"PUT", bucket, "", "", {key, ""}, create_bucket, "CreateBucket"},
    {"HEAD", bucket, "", "", {list, "s3:ListBucket"}, head_bucket, "HeadBucket"},
    {"DELETE", bucket, "tagging", "", {owner, "s3:PutBucketTagging"}, delete_tags, "DeleteBucketTagging"},
    {"DELETE", bucket, "policy", "", {owner, "s3:DeleteBucketPolicy"}, delete_policy, "DeleteBucketPolicy"},
    {"DELETE", bucket, "cors", "", {owner, "s3:PutBucketCORS"}, delete_cors, "DeleteBucketCors"},
    {"DELETE", bucket, "publicAccessBlock", "",
     {owner, "s3:PutBucketPublicAccessBlock"}, delete_public_block, "DeletePublicAccessBlock"},
    {"DELETE", bucket, "ownershipControls", "",
     {owner, "s3:PutBucketOwnershipControls"}, delete_ownership, "DeleteBucketOwnershipControls"},
    {"DELETE", bucket, "", "", {owner, "s3:DeleteBucket"}, delete_bucket, "DeleteBucket"},
    {"GET", bucket, "location", "", {list, "s3:GetBucketLocation"}, get_bucket_location, "GetBucketLocation"},
    {"GET", bucket, "acl", "", {read_acl, "s3:GetBucketAcl"}, get_acl, "GetBucketAcl"},
    {"GET", bucket, "tagging", "", {owner, "s3:GetBucketTagging"}, get_tags, "GetBucketTagging"},
    {"GET", bucket, "policy", "", {owner, "s3:GetBucketPolicy"}, get_policy, "GetBucketPolicy"},
    {"GET", bucket, "policyStatus", "",
     {owner, "s3:GetBucketPolicyStatus"}, get_policy_status, "GetBucketPolicyStatus"},
    {"GET", bucket, "cors", "", {owner, "s3:GetBucketCORS"}, get_cors, "GetBucketCors"},
    {"GET", bucket, "publicAccessBlock", "",
     {owner, "s3:GetBucketPublicAccessBlock"}, get_public_block, "GetPublicAccessBlock"},
    {"GET", bucket, "ownershipControls", "",
     {owner, "s3:GetBucketOwnershipControls"}, get_ownership, "GetBucketOwnershipControls"},
    {"GET", bucket, "uploads", "", {list, "s3:ListBucketMultipartUploads"}, list_uploads, "ListMultipartUploads"},
    {"GET", bucket, "versioning", "", {owner, "s3:GetBucketVersioning"}, get_versioning, "GetBucketVersioning"},
    {"GET", bucket, "versions", "", {list, "s3:ListBucketVersions"}, list_versions, "ListObjectVersions"},
    {"GET", bucket, "list-type", "", {list, "s3:ListBucket"}, list_objects_v2, "ListObjectsV2"},
    {"GET", bucket, "", "", {list, "s3:ListBucket"}, list_objects, "ListObjects"},
    {"POST", bucket, "delete", "", {each, ""}, delete_objects, "DeleteObjects"},
    {"POST", bucket, "", "", {each, ""}, post_form, "PostObject"},
    {"GET", object, "uploadId", "", {write, "s3:ListMultipartUploadParts"}, list_parts, "ListParts"},
    {"GET", object, "acl", "", {read_acl, "s3:GetObjectAcl"}, get_acl, "GetObjectAcl"},
    {"GET", object, "tagging", "", {read, "s3:GetObjectTagging"}, get_tags, "GetObjectTagging"},
    {"GET", object, "attributes", "", {read, "s3:GetObject"}, get_object_attributes, "GetObjectAttributes"},
    {"GET", object, "", "", {read, "s3:GetObject"}, get_object, "GetObject"},
    {"HEAD", object, "", "", {read, "s3:GetObject"}, get_object, "HeadObject"},
    {"PUT", object, "uploadId", "x-amz-copy-source", {write, "s3:PutObject"}, upload_part_copy, "UploadPartCopy"},
    {"PUT", object, "uploadId", "", {write, "s3:PutObject"}, upload_part, "UploadPart"},
    {"PUT", object, "acl", "", {write_acl, "s3:PutObjectAcl"}, put_acl, "PutObjectAcl"},
    {"PUT", object, "tagging", "", {write, "s3:PutObjectTagging"}, put_tags, "PutObjectTagging"},
    {"PUT", object, "", "x-amz-copy-source", {write, "s3:PutObject"}, copy_object, "CopyObject"},
    {"PUT", object, "", "", {write, "s3:PutObject"}, put_object, "PutObject"},
    {"DELETE", object, "uploadId", "", {write, "s3:AbortMultipartUpload"}, abort_upload, "AbortMultipartUpload"},
    {"DELETE", object, "tagging", "", {write, "s3:DeleteObjectTagging"}, delete_tags, "DeleteObjectTagging"},
    {"DELETE", object, "", "", {write, "s3:DeleteObject"}, delete_object, "DeleteObject"},
    {"POST", object, "uploads", "", {write, "s3:PutObject"}, create_upload, "CreateMultipartUpload"},
    {"POST", object, "uploadId", "", {write, "s3:PutObject"}, complete_upload, "CompleteMultipartUpload"},
};
// clang-format on

// Parameters that ask for something which is not here: better an error than the object instead of its lock.
constexpr std::string_view kNotImplemented[] = {
    "accelerate",     "analytics", "intelligent-tiering", "inventory",   "legal-hold", "lifecycle",
    "logging",        "metrics",   "notification",        "object-lock", "partNumber", "replication",
    "requestPayment", "restore",   "retention",           "select",      "torrent",    "versioning",
    "versions",       "website",
};

// Bucket and key, of a path or of host and path. False: the path does not decode.
bool name_target(S3Request& request) {
  const auto path = percent_decoded(request.head().path);
  if (!path) return false;
  std::string_view rest = std::string_view(*path).substr(1);
  const std::string host = request.head().header_or_empty("host");
  const std::string name = host.substr(0, host.rfind(':'));
  const std::string& domain = request.settings.domain;
  if (!domain.empty() && name.size() > domain.size() + 1 && name.ends_with("." + domain)) {
    request.bucket = name.substr(0, name.size() - domain.size() - 1);
    request.key = rest;
    return true;
  }
  const std::size_t slash = rest.find('/');
  request.bucket = rest.substr(0, slash);
  if (slash != std::string_view::npos) request.key = rest.substr(slash + 1);
  return true;
}

const Row* row_of(const S3Request& request) {
  const Scope scope = request.bucket.empty() ? Scope::service
                      : request.key.empty()  ? Scope::bucket
                                             : Scope::object;
  const auto* row = std::ranges::find_if(kRows, [&](const Row& r) {
    return r.method == request.head().method && r.scope == scope &&
           (r.parameter.empty() || request.parameter(r.parameter) != nullptr) &&
           (r.header.empty() || request.head().header(r.header) != nullptr);
  });
  return row == std::end(kRows) ? nullptr : row;
}

S3Answer run(S3Request& request, std::string& operation) {
  auto query = parse_query(request.head().query);
  if (!query || !name_target(request)) return request.refuse(S3Error::invalid_uri);
  request.query = *std::move(query);
  if (request.head().method == "OPTIONS" && !request.bucket.empty()) {
    // A browser asks without a signature, also about what will have one.
    operation = "Preflight";
    return answer_preflight(request);
  }
  if (auto refused = identify(request)) return *refused;
  const Row* row = row_of(request);
  if (row == nullptr) return request.refuse(S3Error::method_not_allowed);
  operation = row->name;
  for (const std::string_view parameter : kNotImplemented) {
    // A row that is about the parameter knows what it does.
    if (request.parameter(parameter) != nullptr && row->parameter != parameter &&
        !(parameter == "partNumber" && row->parameter == "uploadId"))
      return request.refuse(S3Error::not_implemented);
  }
  if (const std::string* version = request.parameter("versionId"); version != nullptr && *version != "null")
    return request.refuse(version->empty() ? S3Error::invalid_argument : S3Error::no_such_version);
  if (auto refused = refuse_access(request, row->need)) return *refused;
  return row->handler(request);
}

}  // namespace

bool is_s3(const HttpHead& head) {
  const bool is_signed = head.header_or_empty("authorization").starts_with("AWS") ||
                         head.query.find("X-Amz-Signature=") != std::string::npos;
  return is_signed && head.header("user") == nullptr;
}

std::string answer_s3(const Settings& settings, Store& store, Exchange& exchange) {
  std::string operation = "unknown";
  const auto client = store.client();
  if (!client.ok()) {
    exchange.answer(503, {{"Content-Type", "application/xml"}, {"Retry-After", "1"}},
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>ServiceUnavailable</Code>"
                    "<Message>The store is not available.</Message></Error>");
    return operation;
  }
  S3Request request{settings, **client, exchange, {}, {}, {}, {}, {}, {}, {}, nullptr, settings.owner};
  S3Answer answer = run(request, operation);
  if (!answer.sent) {
    if (operation != "Preflight")
      std::ranges::move(cors_headers(request), std::back_inserter(answer.headers));
    exchange.answer(answer.status, answer.headers, answer.body);
  }
  return operation;
}

}  // namespace ciaos::sidecar
