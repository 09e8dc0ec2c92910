// The operations of S3, each a function from a request that was identified and admitted to its answer.
#pragma once

#include <functional>

#include "sidecar/cipher.h"
#include "sidecar/s3_request.h"
#include "sidecar/upload.h"

namespace ciaos::sidecar {

// s3_buckets.cc
S3Answer list_buckets(S3Request& request);
S3Answer create_bucket(S3Request& request);
S3Answer head_bucket(S3Request& request);
S3Answer delete_bucket(S3Request& request);
S3Answer get_bucket_location(S3Request& request);
S3Answer get_versioning(S3Request& request);

// s3_tags.cc
S3Answer get_tags(S3Request& request);
S3Answer put_tags(S3Request& request);
S3Answer delete_tags(S3Request& request);

// s3_rights.cc
S3Answer get_acl(S3Request& request);
S3Answer put_acl(S3Request& request);
S3Answer get_policy(S3Request& request);
S3Answer get_policy_status(S3Request& request);
S3Answer put_policy(S3Request& request);
S3Answer delete_policy(S3Request& request);
S3Answer get_public_block(S3Request& request);
S3Answer put_public_block(S3Request& request);
S3Answer delete_public_block(S3Request& request);
S3Answer get_ownership(S3Request& request);
S3Answer put_ownership(S3Request& request);
S3Answer delete_ownership(S3Request& request);

// s3_cors.cc
S3Answer get_cors(S3Request& request);
S3Answer put_cors(S3Request& request);
S3Answer delete_cors(S3Request& request);

// s3_listing.cc
S3Answer list_objects(S3Request& request);  // v1
S3Answer list_objects_v2(S3Request& request);
S3Answer list_versions(S3Request& request);  // each object has one, "null"

// s3_reading.cc
S3Answer get_object(S3Request& request);  // and HEAD
// The same with other headers, made of what is known of the object and of its first bytes; empty: S3's.
using Presentation = std::function<Headers(const engine::ObjectInfo&, ByteSpan)>;
S3Answer send_object(S3Request& request, const Presentation& present);
S3Answer get_object_attributes(S3Request& request);

// s3_writing.cc
S3Answer put_object(S3Request& request);
S3Answer copy_object(S3Request& request);
S3Answer delete_object(S3Request& request);
S3Answer delete_objects(S3Request& request);

// s3_post.cc
S3Answer post_form(S3Request& request);

// s3_uploads.cc
S3Answer create_upload(S3Request& request);
S3Answer upload_part(S3Request& request);
S3Answer upload_part_copy(S3Request& request);
S3Answer list_parts(S3Request& request);
S3Answer list_uploads(S3Request& request);
S3Answer complete_upload(S3Request& request);
S3Answer abort_upload(S3Request& request);

// --- what several of them need ---

// Labels that the headers of an upload ask for; a fault instead when they may not be.
struct UploadLabels {
  std::optional<S3Answer> refused;
  engine::Labels labels;
};
UploadLabels labels_of_upload(S3Request& request);
inline constexpr std::size_t kSmallBodyBytesMax = 1u << 20;
// A small body, whole and checked: an XML document.
struct SmallBody {
  std::optional<S3Answer> refused;
  std::string text;
};
SmallBody small_body(S3Request& request, std::size_t bytes_max = kSmallBodyBytesMax);
// Puts one label of what the request names, "" taking it away: 204 or 200.
S3Answer put_label(S3Request& request, const char* label, const std::string& value, int status);
// "a=1&b=2" or nullopt: not tags, or too many.
std::optional<Query> parse_tags(const std::string& text);
// That text of a Tagging document; nullopt: it is none.
std::optional<std::string> tags_of_xml(const std::string& body);
// Whether it is a value of ObjectOwnership.
bool is_ownership(const std::string& text);

struct SizeBounds {
  std::uint64_t least = 0;
  std::uint64_t most = UINT64_MAX;
};
// The payload becomes the object that the request names, with what its head says of it.
struct StoredObject {
  std::optional<S3Answer> refused;
  engine::ObjectNotes notes;
};
StoredObject store_object(S3Request& request, Payload& payload, const SizeBounds& bounds);

// An object that a header names as the source of a copy, open.
struct CopySource {
  std::optional<S3Answer> refused;
  rpc::Opened opened;
  engine::ObjectPath path;
  std::shared_ptr<ObjectKeystream> keystream;  // of an encrypted one
};
CopySource open_copy_source(S3Request& request);
struct ByteRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;  // exclusive
};
// Bytes of an open object that are decrypted or encrypted on their way; either may be nullptr. `md5` is of what they are in
// plain.
struct CopyThrough {
  InodeId from;
  ByteRange range;
  ObjectKeystream* decrypt = nullptr;
  Keystream* encrypt = nullptr;
};
Status copy_through(S3Request& request, const CopyThrough& copy, Upload& upload, Digester& md5);
// Bytes of an open object as a staged file, by reference.
Result<InodeId> stage_copy(S3Request& request, InodeId from, std::uint64_t offset, std::uint64_t length);

enum class RangeFault { none, absent, unsatisfiable };
struct ParsedRange {
  RangeFault fault = RangeFault::absent;  // a header that is none counts as absent
  ByteRange range;
};
ParsedRange parse_range(const std::string& header, std::uint64_t size);

// Whether the conditions of reading hold, whose headers begin with `prefix`: 0, 304 or 412.
int judge_conditions(const HttpHead& head, std::string_view prefix, const engine::ObjectInfo& info);

}  // namespace ciaos::sidecar
