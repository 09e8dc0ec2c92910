// Buckets, and what objects and buckets have besides bytes: owners, canned access, tags.
#include <fmt/core.h>

#include <algorithm>

#include "sidecar/s3_operations.h"

namespace ciaos::sidecar {
namespace {

constexpr std::size_t kXmlBodyBytesMax = 1u << 20;
constexpr std::string_view kAllUsers = "http://acs.amazonaws.com/groups/global/AllUsers";
// Paths of the port that are no buckets.
constexpr std::string_view kNativeRoutes[] = {"put",    "get",    "append", "update", "update_key",
                                              "delete", "health", "ready",  "metrics"};

bool may_be_made(std::string_view name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return name.size() >= 3 && name.size() <= 63 && plain(name.front()) && plain(name.back()) &&
         name.find("..") == std::string_view::npos &&
         std::ranges::all_of(name, [&](char c) { return plain(c) || c == '-' || c == '.'; }) &&
         std::ranges::find(kNativeRoutes, name) == std::end(kNativeRoutes);
}

bool is_other_user(const S3Request& request) {
  return std::ranges::any_of(request.settings.keys, [&](const auto& key) {
    return key.second.user == request.bucket && key.second.user != request.user;
  });
}

bool is_canned(std::string_view acl) {
  return acl == "private" || acl == "public-read" || acl == "public-read-write" ||
         acl == "authenticated-read";
}

std::string label_of(const engine::ObjectInfo& info, const char* name) {
  const auto found = info.notes.labels.find(name);
  return found == info.notes.labels.end() ? std::string() : found->second;
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
  Payload payload(request);
  const auto body = payload.text(kXmlBodyBytesMax);
  if (!body.ok()) return request.refuse(body.error());
  if (auto refused = payload.check()) return *refused;
  if (!body->empty() && !parse_xml(*body)) return request.refuse(S3Error::malformed_xml);
  const std::string acl = request.head().header_or_empty("x-amz-acl");
  if (!acl.empty() && !is_canned(acl)) return request.refuse(S3Error::invalid_argument);
  engine::Labels labels;
  if (!request.user.empty()) labels[kOwnerLabel] = request.user;
  if (!acl.empty() && acl != "private") labels[kAclLabel] = acl;
  const Status made = request.client.create_bucket(request.bucket, request.settings.owner, labels);
  if (made.code() == EEXIST) {
    const auto there = request.client.lookup({request.bucket, ""});
    const bool ours = there.ok() && label_of(*there, kOwnerLabel) == request.user;
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

S3Answer get_acl(S3Request& request) {
  const auto info = request.client.lookup(request.path());
  if (!info.ok()) return request.refuse(info.error());
  const auto bucket = request.client.lookup({request.bucket, ""});
  if (!bucket.ok()) return request.refuse(bucket.error());
  const std::string owner = label_of(*bucket, kOwnerLabel);
  const std::string acl = label_of(*info, kAclLabel);
  XmlWriter xml("AccessControlPolicy");
  add_owner(xml, owner);
  xml.open("AccessControlList");
  const auto grant = [&](std::string_view type, std::string_view name, std::string_view value,
                         std::string_view permission) {
    // By the attribute clients tell what a grantee is.
    const std::string attributes =
        fmt::format("xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"{}\"", type);
    xml.open("Grant").open("Grantee", attributes).add(name, value);
    xml.close().add("Permission", permission).close();
  };
  grant("CanonicalUser", "ID", owner, "FULL_CONTROL");
  if (acl == "public-read" || acl == "public-read-write") grant("Group", "URI", kAllUsers, "READ");
  if (acl == "public-read-write") grant("Group", "URI", kAllUsers, "WRITE");
  return xml_answer(xml);
}

S3Answer put_acl(S3Request& request) {
  const std::string acl = request.head().header_or_empty("x-amz-acl");
  // Grants to single users are what bucket policies are for.
  if (acl.empty()) return request.refuse(S3Error::not_implemented);
  if (!is_canned(acl)) return request.refuse(S3Error::invalid_argument);
  const auto set = request.client.set_labels(request.path(), {{kAclLabel, acl == "private" ? "" : acl}});
  if (!set.ok()) return request.refuse(set.error());
  return {};
}

std::optional<Query> parse_tags(const std::string& text) {
  auto tags = parse_query(text);
  if (!tags || tags->size() > 10) return std::nullopt;
  for (std::size_t i = 0; i < tags->size(); ++i) {
    const auto& [name, value] = (*tags)[i];
    if (name.empty() || name.size() > 128 * 4 || value.size() > 256 * 4) return std::nullopt;
    for (std::size_t j = 0; j < i; ++j) {
      if ((*tags)[j].first == name) return std::nullopt;
    }
  }
  return tags;
}

S3Answer get_tags(S3Request& request) {
  const auto info = request.client.lookup(request.path());
  if (!info.ok()) return request.refuse(info.error());
  const std::string text = label_of(*info, kTagsLabel);
  if (text.empty() && request.key.empty()) return request.refuse(S3Error::no_such_tag_set);
  XmlWriter xml("Tagging");
  xml.open("TagSet");
  for (const auto& [name, value] : parse_query(text).value_or(Query()))
    xml.open("Tag").add("Key", name).add("Value", value).close();
  return xml_answer(xml);
}

S3Answer put_tags(S3Request& request) {
  Payload payload(request);
  const auto body = payload.text(kXmlBodyBytesMax);
  if (!body.ok()) return request.refuse(body.error());
  if (auto refused = payload.check()) return *refused;
  const auto document = parse_xml(*body);
  const XmlElement* set = document ? document->child("TagSet") : nullptr;
  if (set == nullptr) return request.refuse(S3Error::malformed_xml);
  std::string text;
  for (const XmlElement& tag : set->children) {
    if (tag.name != "Tag" || tag.child("Key") == nullptr) return request.refuse(S3Error::malformed_xml);
    text += (text.empty() ? "" : "&") + percent_encoded(tag.text_of("Key"), false) + "=" +
            percent_encoded(tag.text_of("Value"), false);
  }
  if (!parse_tags(text)) return request.refuse(S3Error::invalid_tag);
  const auto set_labels = request.client.set_labels(request.path(), {{kTagsLabel, text}});
  if (!set_labels.ok()) return request.refuse(set_labels.error());
  return {.status = request.key.empty() ? 204 : 200, .headers = {}, .body = {}};
}

S3Answer delete_tags(S3Request& request) {
  const auto set = request.client.set_labels(request.path(), {{kTagsLabel, ""}});
  if (!set.ok()) return request.refuse(set.error());
  return {.status = 204, .headers = {}, .body = {}};
}

}  // namespace ciaos::sidecar
