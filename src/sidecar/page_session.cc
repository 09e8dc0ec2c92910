#include "sidecar/page_session.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "sidecar/secrets.h"

namespace ciaos::sidecar {
namespace {

std::vector<std::string_view> pieces_of(std::string_view text) {
  std::vector<std::string_view> pieces;
  while (true) {
    const std::size_t dot = text.find('.');
    pieces.push_back(text.substr(0, dot));
    if (dot == std::string_view::npos) return pieces;
    text.remove_prefix(dot + 1);
  }
}

std::optional<std::uint64_t> seconds_of(std::string_view text) {
  std::uint64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return seconds;
}

std::string text_of_ticket(std::uint64_t ends, std::string_view object) {
  return fmt::format("object {} {}", ends, hex(digest(DigestKind::sha256, object)));
}

}  // namespace

// `what` begins with the kind of what is signed and has no zero byte in it; so one is never taken for another.
std::string PageSessions::signature(std::string_view what, const Viewer& viewer) const {
  return hex(hmac_sha256(signing_key_,
                         fmt::format("{}{}{}{}{}", what, '\0', viewer.access_key, '\0', viewer.key.secret)));
}

std::optional<Viewer> PageSessions::viewer_of(const std::string& authorization, std::uint64_t now) const {
  constexpr std::string_view kBasic = "Basic ";
  constexpr std::string_view kBearer = "Bearer ";
  const std::string_view text = authorization;
  if (text.starts_with(kBasic)) return by_secret(text.substr(kBasic.size()), now);
  if (text.starts_with(kBearer)) return by_token(text.substr(kBearer.size()), now);
  return std::nullopt;
}

std::optional<Viewer> PageSessions::by_secret(std::string_view encoded, std::uint64_t now) const {
  const auto pair = from_base64(encoded);
  const std::size_t colon = pair ? pair->find(':') : std::string::npos;
  if (colon == std::string::npos) return std::nullopt;
  Viewer viewer{.access_key = pair->substr(0, colon), .key = {}, .signed_in = now};
  const auto key = keys_.find(viewer.access_key);
  // Digests of equal length are compared, also where there is no such key: time tells neither that nor how long a secret is.
  const std::string known = key ? key->secret : std::string();
  const bool same =
      same_secret(hmac_sha256(signing_key_, known), hmac_sha256(signing_key_, pair->substr(colon + 1)));
  if (!same || !key || known.empty()) return std::nullopt;
  viewer.key = *key;
  return viewer;
}

std::string PageSessions::token_for(const Viewer& viewer, std::uint64_t now) const {
  const std::uint64_t ends = std::min(now + kTokenSeconds, viewer.signed_in + kSignedInSeconds);
  const std::string said = fmt::format("{}.{}", viewer.signed_in, ends);
  return fmt::format("{}.{}.{}", said, hex(viewer.access_key), signature("session " + said, viewer));
}

std::optional<Viewer> PageSessions::by_token(std::string_view token, std::uint64_t now) const {
  const auto pieces = pieces_of(token);
  if (pieces.size() != 4) return std::nullopt;
  const auto signed_in = seconds_of(pieces[0]);
  const auto ends = seconds_of(pieces[1]);
  const auto access_key = from_hex(pieces[2]);
  if (!signed_in || !ends || !access_key || now >= *ends) return std::nullopt;
  const auto key = keys_.find(*access_key);
  if (!key) return std::nullopt;
  Viewer viewer{.access_key = *access_key, .key = *key, .signed_in = *signed_in};
  const std::string expected = signature(fmt::format("session {}.{}", *signed_in, *ends), viewer);
  return same_secret(expected, pieces[3]) ? std::optional(viewer) : std::nullopt;
}

std::string PageSessions::ticket_for(const Viewer& viewer, std::string_view object, std::uint64_t now) const {
  const std::uint64_t ends = now + kTicketSeconds;
  return fmt::format("{}.{}.{}", ends, hex(viewer.access_key),
                     signature(text_of_ticket(ends, object), viewer));
}

std::optional<Viewer> PageSessions::viewer_of_ticket(std::string_view ticket, std::string_view object,
                                                     std::uint64_t now) const {
  const auto pieces = pieces_of(ticket);
  if (pieces.size() != 3) return std::nullopt;
  const auto ends = seconds_of(pieces[0]);
  const auto access_key = from_hex(pieces[1]);
  if (!ends || !access_key || now >= *ends) return std::nullopt;
  const auto key = keys_.find(*access_key);
  if (!key) return std::nullopt;
  Viewer viewer{.access_key = *access_key, .key = *key, .signed_in = now};
  const std::string expected = signature(text_of_ticket(*ends, object), viewer);
  return same_secret(expected, pieces[2]) ? std::optional(viewer) : std::nullopt;
}

}  // namespace ciaos::sidecar
