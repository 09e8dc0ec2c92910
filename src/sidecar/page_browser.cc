#include "sidecar/page_browser.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sidecar/page.h"
#include "sidecar/s3_access.h"
#include "sidecar/s3_encryption.h"
#include "sidecar/s3_operations.h"

namespace ciaos::sidecar {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kEntriesPerPage = 100;
// Of buckets that others own, so many are looked at for one answer.
constexpr std::size_t kBucketsLookedAt = 2000;
// Of what the viewer's browser says, policies may ask about these.
constexpr std::string_view kKeptHeaders[] = {"host", "referer", "user-agent"};

std::string parameter_of(const PageQuestion& question, std::string_view name) {
  const auto found =
      std::ranges::find_if(question.query, [&](const auto& pair) { return pair.first == name; });
  return found == question.query.end() ? std::string() : found->second;
}

std::string text_of_page(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string_view why_of(int status) {
  switch (status) {
    case 400: return "No object has such a name.";
    case 403: return "You may not see this.";
    case 404: return "There is no such bucket or object.";
    case 409: return "The key lies below an object, or is a directory.";
    case 503: return "The store's daemon does not answer.";
    default: return "It could not be read; the log of the sidecar says why.";
  }
}

PageAnswer refusal_of(const S3Answer& answer) { return page_refusal(answer.status, why_of(answer.status)); }
PageAnswer refusal_of(const Error& error) {
  const int status = row_of(error_of(error)).status;
  return page_refusal(status, why_of(status));
}

// Asks as S3 would be asked, by a request without a header that could mean something there.
class Asking {
 public:
  Asking(const PageQuestion& question, rpc::Client& client, std::string bucket, std::string key)
      : request_{question.settings,
                 client,
                 question.exchange,
                 {},
                 std::move(bucket),
                 std::move(key),
                 question.user,
                 {},
                 {},
                 {},
                 &head_,
                 question.settings.owner} {
    head_.method = "GET";
    head_.path = question.exchange.head.path;
    for (const auto& header : question.exchange.head.headers) {
      if (std::ranges::find(kKeptHeaders, header.first) != std::end(kKeptHeaders))
        head_.headers.push_back(header);
    }
  }
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;
  S3Request& request() { return request_; }

 private:
  HttpHead head_;
  S3Request request_;
};

Json json_of_bucket(const engine::ObjectEntry& bucket) {
  return {{"name", percent_encoded(bucket.key, false)},
          {"owner", label_of(bucket.info, kOwnerLabel)},
          {"modified", bucket.info.modified.seconds}};
}

Json json_of_entry(const engine::ObjectEntry& entry) {
  const std::string name = percent_encoded(entry.key, true);
  if (entry.common_prefix) return {{"prefix", name}};
  return {{"key", name},
          {"size", entry.info.size},
          {"modified", entry.info.modified.seconds},
          {"type", label_of(entry.info, "content-type")}};
}

// What comes without being asked for, and whatever it is, cannot run as this page.
Headers headers_of_bytes(const std::string& key, ByteSpan first) {
  const std::string_view type =
      raster_type_of({reinterpret_cast<const char*>(first.data()), std::min<std::size_t>(first.size(), 64)});
  const std::string name = key.substr(key.rfind('/') + 1);
  Headers headers = page_headers("default-src 'none'; sandbox");
  headers.emplace_back("Cache-Control", "no-store");
  headers.emplace_back("Content-Type", type.empty() ? "application/octet-stream" : type);
  headers.emplace_back("Content-Disposition",
                       fmt::format("{}; filename*=UTF-8''{}", type.empty() ? "attachment" : "inline",
                                   percent_encoded(name.empty() ? "object" : name, false)));
  return headers;
}

}  // namespace

PageAnswer page_refusal(int status, std::string_view why) {
  return {.status = status, .json = text_of_page({{"error", why}}), .sent = false};
}

PageAnswer page_buckets(const PageQuestion& question) {
  const auto client = question.store.client();
  if (!client.ok()) return refusal_of(client.error());
  Json buckets = Json::array();
  std::string after = parameter_of(question, "after");
  std::size_t looked_at = 0;
  for (bool more = true; more;) {
    const auto page = (*client)->buckets(after, kEntriesPerPage);
    if (!page.ok()) return refusal_of(page.error());
    for (const engine::ObjectEntry& bucket : page->entries) {
      const bool full = buckets.size() == kEntriesPerPage || looked_at == kBucketsLookedAt;
      if (full)
        return {.json = text_of_page({{"buckets", buckets}, {"next", percent_encoded(after, false)}})};
      after = bucket.key;
      ++looked_at;
      Asking asking(question, **client, bucket.key, "");
      asking.request().known_bucket = bucket.info;
      if (!refuse_access(asking.request(), {Access::list, "s3:ListBucket"}))
        buckets.push_back(json_of_bucket(bucket));
    }
    more = page->more && !page->entries.empty();
  }
  return {.json = text_of_page({{"buckets", buckets}, {"next", nullptr}})};
}

PageAnswer page_objects(const PageQuestion& question) {
  const auto client = question.store.client();
  if (!client.ok()) return refusal_of(client.error());
  engine::ObjectList list{.bucket = parameter_of(question, "bucket"),
                          .prefix = parameter_of(question, "prefix"),
                          .delimiter = "/",
                          .start_after = parameter_of(question, "after"),
                          .limit = kEntriesPerPage};
  if (list.bucket.empty()) return page_refusal(400, why_of(400));
  Asking asking(question, **client, list.bucket, "");
  asking.request().query = {{"prefix", list.prefix}, {"delimiter", list.delimiter}};
  if (auto refused = refuse_access(asking.request(), {Access::list, "s3:ListBucket"}))
    return refusal_of(*refused);
  const auto page = (*client)->list(list);
  if (!page.ok()) return refusal_of(page.error());
  Json entries = Json::array();
  for (const engine::ObjectEntry& entry : page->entries) entries.push_back(json_of_entry(entry));
  const bool more = page->more && !page->entries.empty();
  const Json next = more ? Json(percent_encoded(page->entries.back().key, true)) : Json();
  return {.json = text_of_page({{"entries", entries}, {"next", next}})};
}

PageAnswer page_object(const PageQuestion& question, const LinkTo& link_to) {
  const auto client = question.store.client();
  if (!client.ok()) return refusal_of(client.error());
  const std::string bucket = parameter_of(question, "bucket");
  const std::string key = parameter_of(question, "key");
  if (bucket.empty() || key.empty()) return page_refusal(400, why_of(400));
  Asking asking(question, **client, bucket, key);
  if (auto refused = refuse_access(asking.request(), {Access::read, "s3:GetObject"}))
    return refusal_of(*refused);
  const auto info = (*client)->lookup({bucket, key});
  if (!info.ok()) return refusal_of(info.error());
  Json metadata = Json::object();
  for (const auto& [label, value] : info->notes.labels) {
    if (label.starts_with("x-amz-meta-")) metadata[label.substr(11)] = value;
  }
  const std::string cipher = fact_of(*info, kCipherFact);
  const bool has_own_key = cipher.starts_with('C');
  return {.json =
              text_of_page({{"key", percent_encoded(key, true)},
                            {"size", info->size},
                            {"modified", info->modified.seconds},
                            {"type", label_of(*info, "content-type")},
                            {"etag", info->notes.etag},
                            {"metadata", metadata},
                            {"encrypted", cipher.empty() ? Json() : Json(has_own_key ? "client" : "sidecar")},
                            {"link", has_own_key ? Json() : Json(link_to(bucket, key))}})};
}

PageAnswer page_object_bytes(const PageQuestion& question, const std::string& bucket,
                             const std::string& key) {
  const auto client = question.store.client();
  if (!client.ok()) return refusal_of(client.error());
  Asking asking(question, **client, bucket, key);
  if (auto refused = refuse_access(asking.request(), {Access::read, "s3:GetObject"}))
    return refusal_of(*refused);
  const S3Answer answer = send_object(asking.request(), [&](const engine::ObjectInfo&, ByteSpan first) {
    return headers_of_bytes(key, first);
  });
  if (answer.sent) return {.sent = true};
  return refusal_of(answer);
}

std::string_view raster_type_of(std::string_view first_bytes) {
  using namespace std::string_view_literals;
  const auto begins = [&](std::string_view magic) { return first_bytes.starts_with(magic); };
  if (begins("\x89PNG\r\n\x1a\n"sv)) return "image/png";
  if (begins("\xff\xd8\xff"sv)) return "image/jpeg";
  if (begins("GIF87a"sv) || begins("GIF89a"sv)) return "image/gif";
  const std::string_view behind = first_bytes.size() > 8 ? first_bytes.substr(8) : std::string_view();
  if (begins("RIFF"sv) && behind.starts_with("WEBP"sv)) return "image/webp";
  if (first_bytes.size() > 8 && first_bytes.substr(4).starts_with("ftypavif"sv)) return "image/avif";
  return {};
}

}  // namespace ciaos::sidecar
