// The errors of S3 that we answer with: one table. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace ciaos::sidecar {

enum class S3Error {
  access_denied,
  access_forbidden,
  acl_not_supported,
  bad_acl_for_ownership,
  bad_digest,
  bucket_already_exists,
  bucket_already_owned,
  bucket_not_empty,
  entity_too_large,
  entity_too_small,
  incomplete_body,
  internal,
  invalid_access_key,
  invalid_argument,
  invalid_bucket_name,
  invalid_digest,
  invalid_object_name,
  invalid_part,
  invalid_part_order,
  invalid_policy_document,
  invalid_range,
  invalid_request,
  invalid_tag,
  invalid_uri,
  key_too_long,
  malformed_acl,
  malformed_policy,
  malformed_post,
  malformed_xml,
  metadata_too_large,
  method_not_allowed,
  missing_content_length,
  missing_security_header,
  no_such_bucket,
  no_such_configuration,
  no_such_encryption,
  no_such_key,
  no_such_ownership,
  no_such_policy,
  no_such_public_block,
  no_such_tag_set,
  no_such_upload,
  no_such_version,
  not_implemented,
  object_conflict,
  precondition_failed,
  quota_exceeded,
  request_expired,
  request_time_skewed,
  request_timeout,
  service_unavailable,
  sha256_mismatch,
  signature_mismatch,
  store_full,
  unresolvable_email,
};

struct S3ErrorRow {
  S3Error error;
  int status;
  std::string_view code;
  std::string_view message;
};
const S3ErrorRow& row_of(S3Error error);
// What an error of the engine, the socket or a body means to a client that asked for an object.
S3Error error_of(const Error& error);

}  // namespace ciaos::sidecar
