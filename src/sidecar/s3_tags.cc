// Tags of objects and buckets.
#include <algorithm>

#include "sidecar/s3_operations.h"

namespace ciaos::sidecar {
namespace {

// Of UTF-8: the bytes that go on with a character are not counted.
std::size_t characters_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

std::optional<Query> parse_tags(const std::string& text) {
  auto tags = parse_query(text);
  if (!tags || tags->size() > 10) return std::nullopt;
  for (std::size_t i = 0; i < tags->size(); ++i) {
    const auto& [name, value] = (*tags)[i];
    if (name.empty() || characters_of(name) > 128 || characters_of(value) > 256) return std::nullopt;
    for (std::size_t j = 0; j < i; ++j) {
      if ((*tags)[j].first == name) return std::nullopt;
    }
  }
  return tags;
}

std::optional<std::string> tags_of_xml(const std::string& body) {
  const auto document = parse_xml(body);
  const XmlElement* set = document ? document->child("TagSet") : nullptr;
  if (set == nullptr) return std::nullopt;
  std::string text;
  for (const XmlElement& tag : set->children) {
    if (tag.name != "Tag" || tag.child("Key") == nullptr) return std::nullopt;
    text += (text.empty() ? "" : "&") + percent_encoded(tag.text_of("Key"), false) + "=" +
            percent_encoded(tag.text_of("Value"), false);
  }
  return text;
}

S3Answer get_tags(S3Request& request) {
  const auto info = request.client.lookup(request.path());
  if (!info.ok()) return request.refuse(info.error());
  const std::string text = label_of(*info, kTagsLabel);
  if (text.empty() && request.key.empty()) return request.refuse(S3Error::no_such_tag_set);
  XmlWriter xml("Tagging");
  xml.open("TagSet");
  Query tags = parse_query(text).value_or(Query());
  std::ranges::sort(tags);
  for (const auto& [name, value] : tags) xml.open("Tag").add("Key", name).add("Value", value).close();
  return xml_answer(xml);
}

S3Answer put_tags(S3Request& request) {
  const SmallBody body = small_body(request);
  if (body.refused) return *body.refused;
  const auto text = tags_of_xml(body.text);
  if (!text) return request.refuse(S3Error::malformed_xml);
  if (!parse_tags(*text)) return request.refuse(S3Error::invalid_tag);
  return put_label(request, kTagsLabel, *text, request.key.empty() ? 204 : 200);
}

S3Answer delete_tags(S3Request& request) { return put_label(request, kTagsLabel, "", 204); }

}  // namespace ciaos::sidecar
