#include "sidecar/s3.h"

#include <algorithm>

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
  Access access;
  Handler handler;
  std::string_view name;
};
constexpr Row kRows[] = {
    {"GET", Scope::service, "", "", Access::owner, list_buckets, "ListBuckets"},
    {"PUT", Scope::bucket, "acl", "", Access::owner, put_acl, "PutBucketAcl"},
    {"PUT", Scope::bucket, "tagging", "", Access::owner, put_tags, "PutBucketTagging"},
    {"PUT", Scope::bucket, "", "", Access::owner, create_bucket, "CreateBucket"},
    {"HEAD", Scope::bucket, "", "", Access::read, head_bucket, "HeadBucket"},
    {"DELETE", Scope::bucket, "tagging", "", Access::owner, delete_tags, "DeleteBucketTagging"},
    {"DELETE", Scope::bucket, "", "", Access::owner, delete_bucket, "DeleteBucket"},
    {"GET", Scope::bucket, "location", "", Access::read, get_bucket_location, "GetBucketLocation"},
    {"GET", Scope::bucket, "acl", "", Access::owner, get_acl, "GetBucketAcl"},
    {"GET", Scope::bucket, "tagging", "", Access::owner, get_tags, "GetBucketTagging"},
    {"GET", Scope::bucket, "uploads", "", Access::read, list_uploads, "ListMultipartUploads"},
    {"GET", Scope::bucket, "list-type", "", Access::read, list_objects_v2, "ListObjectsV2"},
    {"GET", Scope::bucket, "", "", Access::read, list_objects, "ListObjects"},
    {"POST", Scope::bucket, "delete", "", Access::write, delete_objects, "DeleteObjects"},
    {"GET", Scope::object, "uploadId", "", Access::read, list_parts, "ListParts"},
    {"GET", Scope::object, "acl", "", Access::owner, get_acl, "GetObjectAcl"},
    {"GET", Scope::object, "tagging", "", Access::read, get_tags, "GetObjectTagging"},
    {"GET", Scope::object, "attributes", "", Access::read, get_object_attributes, "GetObjectAttributes"},
    {"GET", Scope::object, "", "", Access::read, get_object, "GetObject"},
    {"HEAD", Scope::object, "", "", Access::read, get_object, "HeadObject"},
    {"PUT", Scope::object, "uploadId", "x-amz-copy-source", Access::write, upload_part_copy,
     "UploadPartCopy"},
    {"PUT", Scope::object, "uploadId", "", Access::write, upload_part, "UploadPart"},
    {"PUT", Scope::object, "acl", "", Access::owner, put_acl, "PutObjectAcl"},
    {"PUT", Scope::object, "tagging", "", Access::write, put_tags, "PutObjectTagging"},
    {"PUT", Scope::object, "", "x-amz-copy-source", Access::write, copy_object, "CopyObject"},
    {"PUT", Scope::object, "", "", Access::write, put_object, "PutObject"},
    {"DELETE", Scope::object, "uploadId", "", Access::write, abort_upload, "AbortMultipartUpload"},
    {"DELETE", Scope::object, "tagging", "", Access::write, delete_tags, "DeleteObjectTagging"},
    {"DELETE", Scope::object, "", "", Access::write, delete_object, "DeleteObject"},
    {"POST", Scope::object, "uploads", "", Access::write, create_upload, "CreateMultipartUpload"},
    {"POST", Scope::object, "uploadId", "", Access::write, complete_upload, "CompleteMultipartUpload"},
};

// Parameters that ask for something which is not here: better an error than the object instead of its lock.
constexpr std::string_view kNotImplemented[] = {
    "accelerate",
    "analytics",
    "cors",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "partNumber",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "torrent",
    "versionId",
    "versioning",
    "versions",
    "website",
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
  if (auto refused = identify(request)) return *refused;
  const Row* row = row_of(request);
  if (row == nullptr) return request.refuse(S3Error::method_not_allowed);
  operation = row->name;
  for (const std::string_view parameter : kNotImplemented) {
    const bool is_part = parameter == "partNumber" && request.parameter("uploadId") != nullptr;
    if (request.parameter(parameter) != nullptr && !is_part) return request.refuse(S3Error::not_implemented);
  }
  const bool somebody = !request.settings.authenticate || !request.user.empty();
  if (row->handler == &list_buckets || row->handler == &create_bucket) {
    if (!somebody) return request.refuse(S3Error::access_denied);
  } else if (auto refused = refuse_access(request, row->access)) {
    return *refused;
  }
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
  S3Request request{settings, **client, exchange, {}, {}, {}, {}, {}, {}};
  const S3Answer answer = run(request, operation);
  if (!answer.sent) exchange.answer(answer.status, answer.headers, answer.body);
  return operation;
}

}  // namespace ciaos::sidecar
