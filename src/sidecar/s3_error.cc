#include "sidecar/s3_error.h"

#include <algorithm>
#include <iterator>

#include "base/assert.h"
#include "base/log.h"

namespace ciaos::sidecar {
namespace {

constexpr S3ErrorRow kErrorRows[] = {
    {S3Error::acl_not_supported, 400, "AccessControlListNotSupported",
     "The bucket does not take access control lists."},
    {S3Error::access_forbidden, 403, "AccessForbidden", "The bucket allows no such request from there."},
    {S3Error::bad_acl_for_ownership, 400, "InvalidBucketAclWithObjectOwnership",
     "The bucket's list grants something to others."},
    {S3Error::malformed_acl, 400, "MalformedACLError",
     "The list is not well-formed, or not what was expected."},
    {S3Error::malformed_policy, 400, "MalformedPolicy",
     "The policy is not one, or has something in it that is not known here."},
    {S3Error::malformed_post, 400, "MalformedPOSTRequest",
     "The form is not well-formed multipart/form-data."},
    {S3Error::invalid_policy_document, 400, "InvalidPolicyDocument",
     "The form's policy is not one, or does not allow the form."},
    {S3Error::no_such_encryption, 404, "ServerSideEncryptionConfigurationNotFoundError",
     "The bucket encrypts nothing by itself."},
    {S3Error::no_such_ownership, 404, "OwnershipControlsNotFoundError",
     "The bucket has no ownership controls."},
    {S3Error::no_such_policy, 404, "NoSuchBucketPolicy", "The bucket has no policy."},
    {S3Error::no_such_public_block, 404, "NoSuchPublicAccessBlockConfiguration",
     "The bucket has no public access block."},
    {S3Error::no_such_version, 404, "NoSuchVersion",
     "There is no such version: each object has one, \"null\"."},
    {S3Error::unresolvable_email, 400, "UnresolvableGrantByEmailAddress", "Users have no addresses here."},
    {S3Error::access_denied, 403, "AccessDenied", "Access Denied"},
    {S3Error::bad_digest, 400, "BadDigest", "The digest given is not that of what came."},
    {S3Error::bucket_already_exists, 409, "BucketAlreadyExists", "Somebody else has a bucket of that name."},
    {S3Error::bucket_already_owned, 409, "BucketAlreadyOwnedByYou", "You have that bucket already."},
    {S3Error::bucket_not_empty, 409, "BucketNotEmpty", "The bucket is not empty."},
    {S3Error::entity_too_large, 400, "EntityTooLarge", "The object is larger than one upload may be."},
    {S3Error::entity_too_small, 400, "EntityTooSmall", "A part but the last is smaller than 5 MiB."},
    {S3Error::incomplete_body, 400, "IncompleteBody", "The body is not what its headers announce."},
    {S3Error::internal, 500, "InternalError", "We made a mistake, or the store has a damage."},
    {S3Error::invalid_access_key, 403, "InvalidAccessKeyId", "There is no such access key."},
    {S3Error::invalid_argument, 400, "InvalidArgument", "An argument is not one."},
    {S3Error::invalid_bucket_name, 400, "InvalidBucketName", "No bucket can have that name."},
    {S3Error::invalid_digest, 400, "InvalidDigest", "Content-MD5 is no MD5."},
    {S3Error::invalid_object_name, 400, "InvalidObjectName",
     "No path can spell the key: it has an empty, . or .. component, or a component over 255 bytes."},
    {S3Error::invalid_part, 400, "InvalidPart", "A part is missing, or has another ETag."},
    {S3Error::invalid_part_order, 400, "InvalidPartOrder", "Parts are not in ascending order."},
    {S3Error::invalid_range, 416, "InvalidRange", "Nothing of the object lies in the range."},
    {S3Error::invalid_request, 400, "InvalidRequest", "The request contradicts itself."},
    {S3Error::invalid_tag, 400, "InvalidTag", "A tag is too long, or there are too many."},
    {S3Error::invalid_uri, 400, "InvalidURI", "The URI cannot be decoded."},
    {S3Error::key_too_long, 400, "KeyTooLongError", "The key is longer than 1,024 bytes."},
    {S3Error::malformed_xml, 400, "MalformedXML", "The XML is not well-formed, or not what was expected."},
    {S3Error::metadata_too_large, 400, "MetadataTooLarge", "User metadata is larger than 2 KiB."},
    {S3Error::method_not_allowed, 405, "MethodNotAllowed", "The method is not allowed here."},
    {S3Error::missing_content_length, 411, "MissingContentLength", "Content-Length is missing."},
    {S3Error::missing_security_header, 400, "MissingSecurityHeader",
     "A header that a signature needs is missing."},
    {S3Error::no_such_bucket, 404, "NoSuchBucket", "There is no such bucket."},
    {S3Error::no_such_configuration, 404, "NoSuchCORSConfiguration", "There is no such configuration."},
    {S3Error::no_such_key, 404, "NoSuchKey", "There is no such key."},
    {S3Error::no_such_tag_set, 404, "NoSuchTagSet", "There are no tags."},
    {S3Error::no_such_upload, 404, "NoSuchUpload", "There is no such upload."},
    {S3Error::not_implemented, 501, "NotImplemented", "That is not implemented."},
    {S3Error::object_conflict, 409, "ObjectConflict",
     "The key lies below an object, or is a directory: a store that is also a filesystem has one or the "
     "other."},
    {S3Error::precondition_failed, 412, "PreconditionFailed", "A precondition does not hold."},
    {S3Error::quota_exceeded, 403, "QuotaExceeded", "The quota of this part of the store is used up."},
    {S3Error::request_expired, 403, "AccessDenied", "Request has expired"},
    {S3Error::request_time_skewed, 403, "RequestTimeTooSkewed",
     "Your clock and ours differ by more than 15 minutes."},
    {S3Error::request_timeout, 400, "RequestTimeout", "The body comes too slowly."},
    {S3Error::sha256_mismatch, 400, "XAmzContentSHA256Mismatch",
     "x-amz-content-sha256 is not that of the body."},
    {S3Error::signature_mismatch, 403, "SignatureDoesNotMatch", "The signature is not that of the request."},
    {S3Error::service_unavailable, 503, "ServiceUnavailable", "The store is not available."},
    {S3Error::store_full, 507, "InsufficientStorage", "The store is full."},
};

}  // namespace

const S3ErrorRow& row_of(S3Error error) {
  const auto* row = std::ranges::find(kErrorRows, error, &S3ErrorRow::error);
  CIAOS_ASSERT(row != std::end(kErrorRows));
  return *row;
}

S3Error error_of(const Error& error) {
  switch (error.code) {
    case ENOENT: return S3Error::no_such_key;
    case ENXIO: return S3Error::no_such_bucket;
    case EEXIST:
    case ECANCELED: return S3Error::precondition_failed;
    case ENOTDIR:
    case EISDIR: return S3Error::object_conflict;
    case EINVAL: return S3Error::invalid_object_name;
    case ENAMETOOLONG: return S3Error::key_too_long;
    case ENOTEMPTY: return S3Error::bucket_not_empty;
    case E2BIG: return S3Error::metadata_too_large;
    case EFBIG: return S3Error::entity_too_large;
    case EPROTO:
    case ECONNRESET: return S3Error::incomplete_body;
    case EBADMSG: return S3Error::signature_mismatch;
    case ETIMEDOUT: return S3Error::request_timeout;
    case EDQUOT: return S3Error::quota_exceeded;
    case ENOSPC: return S3Error::store_full;
    case EPERM: return S3Error::access_denied;
    case EROFS:
    case ENOTCONN: return S3Error::service_unavailable;
    default: log(LogLevel::error, "s3: {}", to_string(error)); return S3Error::internal;
  }
}

}  // namespace ciaos::sidecar
