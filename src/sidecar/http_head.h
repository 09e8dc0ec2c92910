// The head of an HTTP/1.1 request (RFC 9112), strictly: what two servers could read in two ways is refused. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ciaos::sidecar {

inline constexpr std::size_t kHeadBytesMax = 1u << 20;
inline constexpr std::size_t kHeadersMax = 2000;

struct HttpHead {
  std::string method;
  std::string path;   // as it came, still encoded; begins with "/"
  std::string query;  // as it came, without "?"
  bool keep_alive = true;
  bool expects_continue = false;
  bool chunked = false;
  std::optional<std::uint64_t> content_length;
  std::vector<std::pair<std::string, std::string>>
      headers;  // names in lower case, in the order in which they came

  // nullptr without one; the first of several.
  const std::string* header(std::string_view name) const;
  std::string header_or_empty(std::string_view name) const;
  bool has_body() const { return chunked || content_length.value_or(0) > 0; }
};

// Where the head in `bytes` ends, with its empty line; npos while that has not come.
std::size_t end_of_head(std::string_view bytes);

struct ParsedHead {
  int status = 0;  // 0: `head` holds; else what to answer: 400, 431, 501, 505
  std::string why;
  HttpHead head;
};
// `bytes` is a head up to and with its empty line.
ParsedHead parse_head(std::string_view bytes);

// Of letters A to Z; others stay as they are.
std::string lowered(std::string_view text);
// "%41+" is "A+". nullopt: a percent sign without two digits.
std::optional<std::string> percent_decoded(std::string_view text);
// Everything but letters, digits, "-", "_", "." and "~"; with `keep_slash`, "/" too stays.
std::string percent_encoded(std::string_view text, bool keep_slash);
// Pairs of a query, decoded, "+" being a plus, in the order in which they came. nullopt as above.
using Query = std::vector<std::pair<std::string, std::string>>;
std::optional<Query> parse_query(std::string_view query);

}  // namespace ciaos::sidecar
