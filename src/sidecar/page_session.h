// Who looks at the page: tokens that are handed out for an access key and its secret, and tickets for one object each.
//
// There is no cookie, and nothing else that a browser sends by itself: objects are served from the same host, some are pages
// with scripts that anybody put there, and a script of the same origin may send whatever its browser adds unasked. A token is
// known to the one page that signed in, in its memory.
//
// Both are signed with a key that nobody knows and that ends with the process, so none is remembered here. The user's secret is
// part of what is signed: who is disabled, or has new keys, is out at the next request.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "users/access_keys.h"

namespace ciaos::sidecar {

inline constexpr std::uint64_t kTokenSeconds = 15 * 60;       // a page renews it while it is open
inline constexpr std::uint64_t kSignedInSeconds = 12 * 3600;  // then the secret is asked for again
inline constexpr std::uint64_t kTicketSeconds = 10 * 60;

struct Viewer {
  std::string access_key;
  users::AccessKey key;
  std::uint64_t signed_in = 0;  // seconds of the clock that `now` is of
};

// Thread-safe: immutable. `now` is in seconds of a clock that only grows.
class PageSessions {
 public:
  // `keys` outlives it. `signing_key`: random, of this process alone.
  PageSessions(const users::KeyRing& keys, std::string signing_key)
      : keys_(keys), signing_key_(std::move(signing_key)) {}

  // "Basic ..." as the header Authorization has it, or "Bearer TOKEN". nullopt: neither is right.
  std::optional<Viewer> viewer_of(const std::string& authorization, std::uint64_t now) const;
  std::string token_for(const Viewer& viewer, std::uint64_t now) const;
  // `object` is BUCKET/KEY.
  std::string ticket_for(const Viewer& viewer, std::string_view object, std::uint64_t now) const;
  std::optional<Viewer> viewer_of_ticket(std::string_view ticket, std::string_view object,
                                         std::uint64_t now) const;

 private:
  std::optional<Viewer> by_secret(std::string_view encoded, std::uint64_t now) const;
  std::optional<Viewer> by_token(std::string_view token, std::uint64_t now) const;
  std::string signature(std::string_view what, const Viewer& viewer) const;

  const users::KeyRing& keys_;
  const std::string signing_key_;
};

}  // namespace ciaos::sidecar
