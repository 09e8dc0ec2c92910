#include "sidecar/http_head.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

namespace ciaos::sidecar {
namespace {

bool is_token(char c) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kMarks.find(c) != std::string_view::npos;
}
bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

ParsedHead refused(int status, std::string why) {
  return {.status = status, .why = std::move(why), .head = {}};
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// 0 or the status to answer.
int parse_request_line(std::string_view line, HttpHead& head) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last || first == 0) return 400;
  head.method = line.substr(0, first);
  if (!std::ranges::all_of(head.method, is_token)) return 400;
  const std::string_view version = line.substr(last + 1);
  if (!version.starts_with("HTTP/")) return 400;
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return 505;
  head.keep_alive = version == "HTTP/1.1";
  std::string_view target = line.substr(first + 1, last - first - 1);
  if (target.starts_with("http://") || target.starts_with("https://")) {
    const std::size_t slash = target.find('/', target.find("//") + 2);
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  if (target.empty() || target.front() != '/') return 400;
  if (std::ranges::any_of(target, [](char c) { return is_control(c) || c == ' '; })) return 400;
  const std::size_t question = target.find('?');
  head.path = target.substr(0, question);
  if (question != std::string_view::npos) head.query = target.substr(question + 1);
  return 0;
}

// What the headers say of the body, and of the connection.
int judge_framing(HttpHead& head) {
  for (const auto& [name, value] : head.headers) {
    if (name == "content-length") {
      std::uint64_t length = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
      if (error != std::errc{} || end != value.data() + value.size() || value.empty()) return 400;
      if (head.content_length) return 400;
      head.content_length = length;
    } else if (name == "transfer-encoding") {
      if (head.chunked) return 400;
      if (lowered(value) != "chunked") return 501;
      head.chunked = true;
    } else if (name == "connection") {
      const std::string wish = lowered(value);
      if (wish.find("close") != std::string::npos) head.keep_alive = false;
      if (wish.find("keep-alive") != std::string::npos) head.keep_alive = true;
    } else if (name == "expect") {
      if (lowered(value) != "100-continue") return 417;
      head.expects_continue = true;
    }
  }
  return head.chunked && head.content_length ? 400 : 0;
}

}  // namespace

std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

const std::string* HttpHead::header(std::string_view name) const {
  const auto found = std::ranges::find_if(headers, [&](const auto& h) { return h.first == name; });
  return found == headers.end() ? nullptr : &found->second;
}

std::string HttpHead::header_or_empty(std::string_view name) const {
  const std::string* value = header(name);
  return value == nullptr ? std::string() : *value;
}

std::size_t end_of_head(std::string_view bytes) {
  const std::size_t at = bytes.find("\r\n\r\n");
  return at == std::string_view::npos ? at : at + 4;
}

ParsedHead parse_head(std::string_view bytes) {
  ParsedHead parsed;
  std::size_t end = bytes.find("\r\n");
  if (end == std::string_view::npos) return refused(400, "no request line");
  if (const int status = parse_request_line(bytes.substr(0, end), parsed.head))
    return refused(status, "request line");
  bytes.remove_prefix(end + 2);
  while (true) {
    end = bytes.find("\r\n");
    if (end == std::string_view::npos) return refused(400, "headers without an end");
    if (end == 0) break;
    const std::string_view line = bytes.substr(0, end);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return refused(400, "a header without a name");
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (!std::ranges::all_of(name, is_token)) return refused(400, "the name of a header");
    if (std::ranges::any_of(value, [](char c) { return is_control(c) && c != '\t'; }))
      return refused(400, "the value of a header");
    if (parsed.head.headers.size() == kHeadersMax) return refused(431, "too many headers");
    parsed.head.headers.emplace_back(lowered(name), value);
    bytes.remove_prefix(end + 2);
  }
  if (const int status = judge_framing(parsed.head)) return refused(status, "how long the body is");
  return parsed;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::string percent_encoded(std::string_view text, bool keep_slash) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~' || (keep_slash && c == '/');
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::optional<Query> parse_query(std::string_view query) {
  Query pairs;
  while (!query.empty()) {
    const std::string_view one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), one.size() + 1));
    if (one.empty()) continue;
    const std::size_t equals = one.find('=');
    auto name = percent_decoded(one.substr(0, equals));
    auto value =
        percent_decoded(equals == std::string_view::npos ? std::string_view() : one.substr(equals + 1));
    if (!name || !value) return std::nullopt;
    pairs.emplace_back(*std::move(name), *std::move(value));
  }
  return pairs;
}

}  // namespace ciaos::sidecar
