// The errors of S3 that we answer with: one table. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace ciaos::sidecar {

enum class S3Error {
  access_denied,
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
  invalid_range,
  invalid_request,
  invalid_tag,
  invalid_uri,
  key_too_long,
  malformed_xml,
  metadata_too_large,
  method_not_allowed,
  missing_content_length,
  missing_security_header,
  no_such_bucket,
  no_such_configuration,
  no_such_key,
  no_such_tag_set,
  no_such_upload,
  not_implemented,
  object_conflict,
  precondition_failed,
  quota_exceeded,
  request_expired,
  request_time_skewed,
  request_timeout,
  sha256_mismatch,
  signature_mismatch,
  service_unavailable,
  store_full,
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
