// Listings of keys: ListObjects in both versions.
#include <algorithm>
#include <charconv>

#include "sidecar/s3_operations.h"

namespace ciaos::sidecar {
namespace {

constexpr std::size_t kKeysMax = 1000;

struct Wanted {
  engine::ObjectList list;
  bool encoded = false;
};

// nullopt: refuse with invalid_argument.
std::optional<Wanted> wanted_of(const S3Request& request) {
  Wanted wanted;
  wanted.list.bucket = request.bucket;
  wanted.list.prefix = request.parameter_or_empty("prefix");
  wanted.list.delimiter = request.parameter_or_empty("delimiter");
  wanted.list.limit = kKeysMax;
  const std::string encoding = request.parameter_or_empty("encoding-type");
  if (!encoding.empty() && encoding != "url") return std::nullopt;
  wanted.encoded = !encoding.empty();
  if (const std::string* text = request.parameter("max-keys"); text != nullptr && !text->empty()) {
    std::uint32_t limit = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), limit);
    if (error != std::errc{} || end != text->data() + text->size() || limit > INT32_MAX) return std::nullopt;
    wanted.list.limit = std::min<std::size_t>(limit, kKeysMax);
  }
  return wanted;
}

// A page as large as was asked for, whatever fits into one reply of the daemon.
Result<engine::ObjectPage> whole_page(S3Request& request, engine::ObjectList list) {
  engine::ObjectPage page;
  if (list.limit == 0) return page;
  const std::size_t limit = list.limit;
  while (true) {
    list.limit = limit - page.entries.size();
    engine::ObjectPage part = TRY(request.client.list(list));
    std::ranges::move(part.entries, std::back_inserter(page.entries));
    page.more = part.more;
    if (!part.more || page.entries.size() >= limit) return page;
    list.start_after = page.entries.back().key;
  }
}

void add_entries(XmlWriter& xml, const engine::ObjectPage& page, bool encoded, const std::string* owner) {
  const auto shown = [&](const std::string& text) { return encoded ? percent_encoded(text, true) : text; };
  for (const engine::ObjectEntry& entry : page.entries) {
    if (entry.common_prefix) continue;
    xml.open("Contents")
        .add("Key", shown(entry.key))
        .add("LastModified", iso_time(entry.info.modified))
        .add("ETag", in_quotes(entry.info.notes.etag))
        .add("Size", std::to_string(entry.info.size))
        .add("StorageClass", "STANDARD");
    if (owner != nullptr) xml.open("Owner").add("ID", *owner).add("DisplayName", *owner).close();
    xml.close();
  }
  for (const engine::ObjectEntry& entry : page.entries) {
    if (entry.common_prefix) xml.open("CommonPrefixes").add("Prefix", shown(entry.key)).close();
  }
}

void add_question(XmlWriter& xml, const S3Request& request, const Wanted& wanted) {
  const auto shown = [&](const std::string& text) {
    return wanted.encoded ? percent_encoded(text, true) : text;
  };
  xml.add("Name", request.bucket).add("Prefix", shown(wanted.list.prefix));
  xml.add("MaxKeys", std::to_string(wanted.list.limit));
  if (!wanted.list.delimiter.empty()) xml.add("Delimiter", shown(wanted.list.delimiter));
  if (wanted.encoded) xml.add("EncodingType", "url");
}

void add_version(XmlWriter& xml, const engine::ObjectEntry& entry, bool encoded, const std::string& owner) {
  xml.open("Version")
      .add("Key", encoded ? percent_encoded(entry.key, true) : entry.key)
      .add("VersionId", "null")
      .add("IsLatest", "true")
      .add("LastModified", iso_time(entry.info.modified))
      .add("ETag", in_quotes(entry.info.notes.etag))
      .add("Size", std::to_string(entry.info.size))
      .add("StorageClass", "STANDARD")
      .open("Owner")
      .add("ID", owner)
      .add("DisplayName", owner)
      .close()
      .close();
}

std::string owner_of_bucket(S3Request& request) {
  const auto bucket = request.client.lookup({request.bucket, ""});
  if (!bucket.ok()) return {};
  const auto found = bucket->notes.labels.find(kOwnerLabel);
  return found == bucket->notes.labels.end() ? std::string() : found->second;
}

}  // namespace

S3Answer list_objects(S3Request& request) {
  auto wanted = wanted_of(request);
  if (!wanted) return request.refuse(S3Error::invalid_argument);
  wanted->list.start_after = request.parameter_or_empty("marker");
  const auto page = whole_page(request, wanted->list);
  if (!page.ok()) return request.refuse(page.error());
  const auto shown = [&](const std::string& text) {
    return wanted->encoded ? percent_encoded(text, true) : text;
  };
  XmlWriter xml("ListBucketResult");
  add_question(xml, request, *wanted);
  xml.add("Marker", shown(wanted->list.start_after)).add("IsTruncated", page->more ? "true" : "false");
  if (page->more && !wanted->list.delimiter.empty()) xml.add("NextMarker", shown(page->entries.back().key));
  const std::string owner = owner_of_bucket(request);
  add_entries(xml, *page, wanted->encoded, &owner);
  return xml_answer(xml);
}

S3Answer list_objects_v2(S3Request& request) {
  auto wanted = wanted_of(request);
  if (!wanted) return request.refuse(S3Error::invalid_argument);
  wanted->list.start_after = request.parameter_or_empty("start-after");
  const std::string* token = request.parameter("continuation-token");
  if (token != nullptr) {
    const auto from = from_base64(*token);
    if (!from) return request.refuse(S3Error::invalid_argument);
    if (!from->empty()) wanted->list.start_after = *from;
  }
  const auto page = whole_page(request, wanted->list);
  if (!page.ok()) return request.refuse(page.error());
  const auto shown = [&](const std::string& text) {
    return wanted->encoded ? percent_encoded(text, true) : text;
  };
  XmlWriter xml("ListBucketResult");
  add_question(xml, request, *wanted);
  xml.add("KeyCount", std::to_string(page->entries.size())).add("IsTruncated", page->more ? "true" : "false");
  if (token != nullptr) xml.add("ContinuationToken", *token);
  if (const std::string* after = request.parameter("start-after")) xml.add("StartAfter", shown(*after));
  if (page->more) xml.add("NextContinuationToken", base64(page->entries.back().key));
  const bool wants_owner = request.parameter_or_empty("fetch-owner") == "true";
  const std::string owner = wants_owner ? owner_of_bucket(request) : std::string();
  add_entries(xml, *page, wanted->encoded, wants_owner ? &owner : nullptr);
  return xml_answer(xml);
}

S3Answer list_versions(S3Request& request) {
  auto wanted = wanted_of(request);
  if (!wanted) return request.refuse(S3Error::invalid_argument);
  wanted->list.start_after = request.parameter_or_empty("key-marker");
  const auto page = whole_page(request, wanted->list);
  if (!page.ok()) return request.refuse(page.error());
  const auto shown = [&](const std::string& text) {
    return wanted->encoded ? percent_encoded(text, true) : text;
  };
  XmlWriter xml("ListVersionsResult");
  add_question(xml, request, *wanted);
  xml.add("KeyMarker", shown(wanted->list.start_after)).add("VersionIdMarker", "");
  xml.add("IsTruncated", page->more ? "true" : "false");
  if (page->more) {
    const engine::ObjectEntry& last = page->entries.back();
    xml.add("NextKeyMarker", shown(last.key));
    if (!last.common_prefix) xml.add("NextVersionIdMarker", "null");
  }
  const std::string owner = owner_of_bucket(request);
  for (const engine::ObjectEntry& entry : page->entries) {
    if (!entry.common_prefix) add_version(xml, entry, wanted->encoded, owner);
  }
  for (const engine::ObjectEntry& entry : page->entries) {
    if (entry.common_prefix) xml.open("CommonPrefixes").add("Prefix", shown(entry.key)).close();
  }
  return xml_answer(xml);
}

}  // namespace ciaos::sidecar
