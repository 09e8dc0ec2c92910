#include "sidecar/page.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "sidecar/cipher.h"
#include "sidecar/page_files.h"
#include "sidecar/secrets.h"
#include "sidecar/server.h"

namespace ciaos::sidecar {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kRoot = "/_ui";
constexpr std::string_view kApi = "api/";
constexpr std::string_view kObject = "object/";
constexpr std::string_view kOfPage =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri "
    "'none'; "
    "form-action 'none'; require-trusted-types-for 'script'";
constexpr std::string_view kOfJson = "default-src 'none'; sandbox";

std::string_view type_of_file(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {".html", "text/html; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".svg", "image/svg+xml"},
  };
  const auto* found =
      std::ranges::find_if(kTypes, [&](const auto& type) { return name.ends_with(type.first); });
  return found == std::end(kTypes) ? "application/octet-stream" : found->second;
}

// Whether the secret would not be read on the way: TLS, or the machine itself.
bool is_private(const Exchange& exchange) {
  return exchange.is_secure() || is_loopback(exchange.peer() + ":0");
}

// What a page of another host makes a browser send. Those of our own host have no token, see page_session.h.
bool is_of_another_site(const HttpHead& head) {
  const std::string* site = head.header("sec-fetch-site");
  return site != nullptr && *site != "same-origin" && *site != "none";
}

// Where nobody signs in, a name that somebody else's DNS gives to this machine must not open it to his scripts.
bool is_named_as_loopback(const HttpHead& head) {
  const std::string host = head.header_or_empty("host");
  const bool has_port = host.rfind(':') != std::string::npos && !host.ends_with(']');
  return is_loopback(has_port ? host : host + ":80");
}

void answer_json(Exchange& exchange, const PageAnswer& answer) {
  if (answer.sent) return;
  Headers headers = page_headers(kOfJson);
  headers.emplace_back("Content-Type", "application/json");
  headers.emplace_back("Cache-Control", "no-store");
  if (answer.status == 401) headers.emplace_back("WWW-Authenticate", "Bearer");
  if (answer.status == 405) headers.emplace_back("Allow", "GET, HEAD");
  exchange.answer(answer.status, headers, answer.json);
}

std::uint64_t since_of(const Query& query) {
  std::uint64_t since = 0;
  for (const auto& [name, value] : query) {
    if (name == "since") std::from_chars(value.data(), value.data() + value.size(), since);
  }
  return since;
}

}  // namespace

bool is_page(const Settings& settings, const HttpHead& head) {
  const std::string_view path = head.path;
  if (path != kRoot && !path.starts_with(std::string(kRoot) + "/")) return false;
  const std::string host = head.header_or_empty("host");
  const std::string name = host.substr(0, host.rfind(':'));
  return settings.domain.empty() || !name.ends_with("." + settings.domain);
}

Headers page_headers(std::string_view policy) {
  return {{"Content-Security-Policy", fmt::format("{}; frame-ancestors 'none'", policy)},
          {"X-Content-Type-Options", "nosniff"},
          {"X-Frame-Options", "DENY"},
          {"Referrer-Policy", "no-referrer"},
          {"Cross-Origin-Opener-Policy", "same-origin"},
          {"Cross-Origin-Resource-Policy", "same-origin"}};
}

Page::Page(const Settings& settings, Store& store, const Metrics& metrics, Clock& clock)
    : settings_(settings),
      store_(store),
      clock_(clock),
      sessions_(*settings.keys, random_bytes(32)),
      sampler_(store, metrics, clock) {}

void Page::answer(Exchange& exchange) {
  const HttpHead& head = exchange.head;
  if (head.method != "GET" && head.method != "HEAD")
    return answer_json(exchange, page_refusal(405, "The page only reads."));
  if (head.path == kRoot) {
    Headers headers = page_headers(kOfPage);
    headers.emplace_back("Location", "/_ui/");
    return exchange.answer(303, headers, "");
  }
  const std::string_view rest = std::string_view(head.path).substr(kRoot.size() + 1);
  const bool is_api = rest.starts_with(kApi);
  if (!is_api && !rest.starts_with(kObject)) return answer_file(exchange, rest.empty() ? "index.html" : rest);
  if (is_of_another_site(head)) return answer_json(exchange, page_refusal(403, "For no other site."));
  if (!settings_.authenticate && !is_named_as_loopback(head))
    return answer_json(exchange,
                       page_refusal(403, "Without authentication: by a name of the loopback address only."));
  answer_json(exchange, is_api ? answer_api(exchange, rest.substr(kApi.size()))
                               : answer_object(exchange, rest.substr(kObject.size())));
}

void Page::answer_file(Exchange& exchange, std::string_view name) const {
  const auto files = page_files();
  const auto found = std::ranges::find(files, name, &PageFile::name);
  if (found == files.end()) return answer_json(exchange, page_refusal(404, "There is no such file."));
  const std::string etag = fmt::format("\"{}\"", hex(digest(DigestKind::sha256, found->bytes)).substr(0, 32));
  Headers headers = page_headers(kOfPage);
  headers.emplace_back("Content-Type", type_of_file(name));
  headers.emplace_back("Cache-Control", "no-cache");
  headers.emplace_back("ETag", etag);
  const bool is_known = exchange.head.header_or_empty("if-none-match").find(etag) != std::string::npos;
  exchange.answer(is_known ? 304 : 200, headers, is_known ? std::string_view() : found->bytes);
}

PageAnswer Page::answer_session(const Exchange& exchange) const {
  Json json{{"open", !settings_.authenticate}, {"private", is_private(exchange)}, {"user", nullptr}};
  const std::string authorization = exchange.head.header_or_empty("authorization");
  if (settings_.authenticate && !authorization.empty()) {
    if (!is_private(exchange))
      return page_refusal(
          403, "Secrets travel over TLS, or within this machine: start the sidecar with --tls-cert.");
    const std::uint64_t now = now_seconds();
    const auto viewer = sessions_.viewer_of(authorization, now);
    if (!viewer) return page_refusal(401, "No enabled user has this access key and secret.");
    json["user"] = viewer->key.user;
    json["token"] = sessions_.token_for(*viewer, now);
    json["token_seconds"] = kTokenSeconds;
  }
  return {.json = json.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

PageAnswer Page::answer_api(Exchange& exchange, std::string_view name) {
  if (name == "session") return answer_session(exchange);
  std::optional<Viewer> viewer;
  if (settings_.authenticate) {
    const std::string authorization = exchange.head.header_or_empty("authorization");
    // Not by the secret itself: it is to be sent once.
    if (authorization.starts_with("Bearer ")) viewer = sessions_.viewer_of(authorization, now_seconds());
    if (!viewer) return page_refusal(401, "Sign in.");
  }
  auto query = parse_query(exchange.head.query);
  if (!query) return page_refusal(400, "The query does not decode.");
  const PageQuestion question{settings_, store_, exchange, viewer ? viewer->key.user : std::string(),
                              *std::move(query)};
  if (name == "figures") return {.json = sampler_.figures(since_of(question.query))};
  if (name == "volumes") {
    const auto map = sampler_.volumes();
    if (!sampler_.is_up()) return page_refusal(503, "The store's daemon does not answer.");
    return {.json = volumes_json(map)};
  }
  if (name == "buckets") return page_buckets(question);
  if (name == "objects") return page_objects(question);
  if (name == "object")
    return page_object(question, [&](const std::string& bucket, const std::string& key) {
      const std::string link = fmt::format("{}/{}{}/{}", kRoot, kObject, percent_encoded(bucket, false),
                                           percent_encoded(key, true));
      if (!viewer) return link;
      return fmt::format("{}?ticket={}", link,
                         sessions_.ticket_for(*viewer, bucket + "/" + key, now_seconds()));
    });
  return page_refusal(404, "There is no such question.");
}

PageAnswer Page::answer_object(Exchange& exchange, std::string_view rest) {
  const auto object = percent_decoded(rest);
  const std::size_t slash = object ? object->find('/') : std::string::npos;
  if (slash == std::string::npos || slash == 0 || slash + 1 == object->size())
    return page_refusal(400, "No object has such a name.");
  std::string user;
  if (settings_.authenticate) {
    const Query query = parse_query(exchange.head.query).value_or(Query());
    const auto ticket = std::ranges::find_if(query, [](const auto& pair) { return pair.first == "ticket"; });
    const auto viewer = ticket == query.end()
                            ? std::nullopt
                            : sessions_.viewer_of_ticket(ticket->second, *object, now_seconds());
    if (!viewer) return page_refusal(401, "The link has expired, or is none of this page's.");
    user = viewer->key.user;
  }
  const PageQuestion question{settings_, store_, exchange, user, {}};
  return page_object_bytes(question, object->substr(0, slash), object->substr(slash + 1));
}

}  // namespace ciaos::sidecar
