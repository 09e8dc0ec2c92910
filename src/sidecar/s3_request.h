// A request of S3: whose it is, what it names, and how it is answered.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "sidecar/aws_chunks.h"
#include "sidecar/checksums.h"
#include "sidecar/exchange.h"
#include "sidecar/s3_error.h"
#include "sidecar/settings.h"
#include "sidecar/xml.h"

namespace ciaos::sidecar {

// What a handler gives back: a whole answer, or nothing since it has answered itself.
struct S3Answer {
  int status = 200;
  Headers headers;
  std::string body;
  bool sent = false;
};

// Labels of buckets and objects that mean something to us.
inline constexpr const char* kOwnerLabel = "owner";  // a user; of an object only if it is not the bucket's
inline constexpr const char* kAclLabel = "acl";      // see acl_label(); absent: private
inline constexpr const char* kTagsLabel = "tags";    // as a query string
// Of buckets alone.
inline constexpr const char* kPolicyLabel = "policy";             // JSON, as it was put
inline constexpr const char* kCorsLabel = "cors";                 // XML, as it was put
inline constexpr const char* kPublicBlockLabel = "public-block";  // letters, see PublicBlock
inline constexpr const char* kOwnershipLabel = "ownership";       // its value in S3's XML
std::string label_of(const engine::ObjectInfo& info, const char* name);

struct S3Request {
  const Settings& settings;
  rpc::Client& client;
  Exchange& exchange;
  Query query;
  std::string bucket;                  // empty: the service
  std::string key;                     // empty: the bucket
  std::string user;                    // empty: nobody
  std::optional<Signature> signature;  // that was verified
  std::string signing_key;
  std::optional<engine::ObjectInfo> known_bucket;  // once somebody asked for it
  const HttpHead* other_head = nullptr;            // a form, as a PUT would have said it

  engine::ObjectOwner owner;  // on the mount, of what is put
  bool is_source = false;     // about the source of a copy

  void take_user(const users::AccessKey& asking);
  const HttpHead& head() const { return other_head != nullptr ? *other_head : exchange.head; }
  // nullptr without one.
  const std::string* parameter(std::string_view name) const;
  std::string parameter_or_empty(std::string_view name) const;
  engine::ObjectPath path() const { return {bucket, key}; }
  // What is known of the bucket; asked for once a request.
  Result<engine::ObjectInfo> bucket_info();
  // A setting of the bucket by its label; "" without one, or without the bucket.
  std::string bucket_label(const char* name);
  std::string bucket_owner() { return bucket_label(kOwnerLabel); }
  // For another key or bucket of the same request.
  S3Request about(std::string other_bucket, std::string other_key) const;

  S3Answer refuse(S3Error error, std::string_view message = {}) const;
  S3Answer refuse(const Error& error) const { return refuse(error_of(error)); }
};

inline S3Answer xml_answer(XmlWriter& writer) {
  return {.status = 200, .headers = {{"Content-Type", "application/xml"}}, .body = writer.finish()};
}

// Who asks, if the signature is right. An answer means: refuse so.
std::optional<S3Answer> identify(S3Request& request);

// The body of a request as it was meant: decoded, and checked when it has ended.
class Payload {
 public:
  // From `source` if there is one, else the body.
  explicit Payload(S3Request& request, ByteSource* source = nullptr);
  ByteSource& source() { return chunks_ ? static_cast<ByteSource&>(*chunks_) : source_; }
  Checksums& checksums() { return checksums_; }
  // After the source's end. An answer means: refuse so.
  std::optional<S3Answer> check();
  // All of it, for small ones: an XML document.
  Result<std::string> text(std::size_t bytes_max);

 private:
  S3Request& request_;
  ByteSource& source_;
  std::string announced_;  // x-amz-content-sha256
  std::unique_ptr<AwsChunks> chunks_;
  Checksums checksums_;
};

// "\"etag\"", and the ETags of a list in a header without their quotes.
std::string in_quotes(std::string_view etag);
std::vector<std::string> etags_of(const std::string& header);
std::string iso_time(const Timestamp& time);

}  // namespace ciaos::sidecar
