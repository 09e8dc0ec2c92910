// Buckets: who has which, and where they are.
#include <algorithm>

#include "sidecar/s3_access.h"
#include "sidecar/s3_operations.h"

namespace ciaos::sidecar {
namespace {

// Paths of the port that are no buckets.
constexpr std::string_view kNativeRoutes[] = {"put",    "get",    "append", "update", "update_key",
                                              "delete", "health", "ready",  "metrics"};

// "10.0.0.1" in a host's name would be a host.
bool is_address(std::string_view name) {
  return std::ranges::count(name, '.') == 3 &&
         std::ranges::all_of(name, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

bool may_be_made(std::string_view name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return name.size() >= 3 && name.size() <= 63 && plain(name.front()) && plain(name.back()) &&
         name.find("..") == std::string_view::npos && name.find(".-") == std::string_view::npos &&
         name.find("-.") == std::string_view::npos && !is_address(name) &&
         std::ranges::all_of(name, [&](char c) { return plain(c) || c == '-' || c == '.'; }) &&
         std::ranges::find(kNativeRoutes, name) == std::end(kNativeRoutes);
}

// A native user's values lie in the bucket of that name.
bool is_other_user(const S3Request& request) {
  return request.bucket != request.user && request.settings.keys->has_user(request.bucket);
}

void add_owner(XmlWriter& xml, const std::string& owner) {
  xml.open("Owner").add("ID", owner).add("DisplayName", owner).close();
}

}  // namespace

S3Answer list_buckets(S3Request& request) {
  XmlWriter xml("ListAllMyBucketsResult");
  add_owner(xml, request.user);
  xml.open("Buckets");
  std::string after;
  while (true) {
    const auto page = request.client.buckets(after, 1000);
    if (!page.ok()) return request.refuse(page.error());
    for (const engine::ObjectEntry& bucket : page->entries) {
      const std::string owner = label_of(bucket.info, kOwnerLabel);
      after = bucket.key;
      if (request.settings.authenticate && owner != request.user) continue;
      xml.open("Bucket").add("Name", bucket.key).add("CreationDate", iso_time(bucket.info.modified)).close();
    }
    if (!page->more) break;
  }
  return xml_answer(xml);
}

S3Answer create_bucket(S3Request& request) {
  if (!may_be_made(request.bucket)) return request.refuse(S3Error::invalid_bucket_name);
  if (is_other_user(request)) return request.refuse(S3Error::bucket_already_exists);
  const SmallBody body = small_body(request);
  if (body.refused) return *body.refused;
  if (!body.text.empty() && !parse_xml(body.text)) return request.refuse(S3Error::malformed_xml);
  const HttpHead& head = request.head();
  const auto known = [&](const std::string& name) { return is_user(request.settings, name); };
  const WantedAcl wanted = acl_of_headers(head, {request.user, request.user}, known);
  if (wanted.fault) return request.refuse(*wanted.fault);
  engine::Labels labels;
  if (!request.user.empty()) labels[kOwnerLabel] = request.user;
  if (const std::string label = wanted.acl ? acl_label(*wanted.acl, request.user) : ""; !label.empty())
    labels[kAclLabel] = label;
  if (const std::string* ownership = head.header("x-amz-object-ownership")) {
    if (!is_ownership(*ownership)) return request.refuse(S3Error::invalid_argument);
    if (*ownership == "BucketOwnerEnforced" && labels.contains(kAclLabel))
      return request.refuse(S3Error::bad_acl_for_ownership);
    labels[kOwnershipLabel] = *ownership;
  }
  const Status made = request.client.create_bucket(request.bucket, request.owner, labels);
  if (made.code() == EEXIST) {
    const bool ours = request.bucket_owner() == request.user;
    if (!ours) return request.refuse(S3Error::bucket_already_exists);
  } else if (!made.ok()) {
    return request.refuse(made.error());
  }
  return {.status = 200, .headers = {{"Location", "/" + request.bucket}}, .body = {}};
}

S3Answer head_bucket(S3Request&) {
  return {.status = 200, .headers = {{"x-amz-bucket-region", "us-east-1"}}, .body = {}};
}

S3Answer delete_bucket(S3Request& request) {
  const auto uploads = request.client.uploads(request.bucket, "", "", "", 1000);
  const Status removed = request.client.remove_bucket(request.bucket);
  if (!removed.ok()) return request.refuse(removed.error());
  // What nobody completed goes with it; it would come back with a bucket of that name.
  if (uploads.ok()) {
    for (const rpc::UploadInfo& upload : uploads->uploads)
      (void)request.client.abort_upload(request.bucket, upload.id).ok();
  }
  return {.status = 204, .headers = {}, .body = {}};
}

S3Answer get_bucket_location(S3Request&) {
  XmlWriter xml("LocationConstraint");
  return xml_answer(xml);
}

S3Answer get_versioning(S3Request&) {
  XmlWriter xml("VersioningConfiguration");
  return xml_answer(xml);
}

}  // namespace ciaos::sidecar
