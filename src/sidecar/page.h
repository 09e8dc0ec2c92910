// The page to look at, below /_ui: files of the program, figures of the store, and its objects; read-only (doc/page.md).
//
//   /_ui/               the page, and its scripts and style, for everybody: there is nothing of the store in them
//   /_ui/api/session    who is there: a token for an access key and its secret, or a new one for a token
//   /_ui/api/...        JSON, for who has a token
//   /_ui/object/B/K     bytes, for who has a ticket for that object
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "sidecar/exchange.h"
#include "sidecar/page_browser.h"
#include "sidecar/page_sampler.h"
#include "sidecar/page_session.h"
#include "sidecar/settings.h"
#include "sidecar/store.h"

namespace ciaos::sidecar {

// Whether the request is for the page: by its path, unless its host is a bucket's.
bool is_page(const Settings& settings, const HttpHead& head);
// What keeps a browser from doing anything else with an answer; `policy` is its Content-Security-Policy.
Headers page_headers(std::string_view policy);

// Thread-safe.
class Page {
 public:
  // All outlive it.
  Page(const Settings& settings, Store& store, const Metrics& metrics, Clock& clock);
  void answer(Exchange& exchange);

 private:
  void answer_file(Exchange& exchange, std::string_view name) const;
  PageAnswer answer_session(const Exchange& exchange) const;
  PageAnswer answer_api(Exchange& exchange, std::string_view name);
  PageAnswer answer_object(Exchange& exchange, std::string_view rest);
  std::uint64_t now_seconds() const { return clock_.monotonic_ms() / 1000; }

  const Settings& settings_;
  Store& store_;
  Clock& clock_;
  PageSessions sessions_;
  PageSampler sampler_;
};

}  // namespace ciaos::sidecar
