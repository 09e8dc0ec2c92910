// Buckets and objects for the page: what the viewer may list and read as S3 has it, a page at a time, and nothing else.
#pragma once

#include <functional>
#include <string>

#include "sidecar/exchange.h"
#include "sidecar/settings.h"
#include "sidecar/store.h"

namespace ciaos::sidecar {

struct PageAnswer {
  int status = 200;
  std::string json;
  bool sent = false;  // it has answered itself
};
PageAnswer page_refusal(int status, std::string_view why);

struct PageQuestion {
  const Settings& settings;
  Store& store;
  Exchange& exchange;
  std::string user;  // empty: nobody has to say who he is
  Query query;
};

// {"buckets": [{"name", "owner", "modified"}], "next": name or null}. From "after" on.
PageAnswer page_buckets(const PageQuestion& question);
// {"entries": [{"prefix"} or {"key", "size", "modified", "type"}], "next": key or null}, keys and prefixes percent-encoded: they
// need not be UTF-8. Of "bucket", below "prefix", from "after" on, with "/" between levels.
PageAnswer page_objects(const PageQuestion& question);
// {"key", "size", "modified", "type", "etag", "metadata", "encrypted", "link"}; `link_to` makes the link to its bytes.
using LinkTo = std::function<std::string(const std::string& bucket, const std::string& key)>;
PageAnswer page_object(const PageQuestion& question, const LinkTo& link_to);
// Its bytes: an image of pixels to be looked at, all else to be saved.
PageAnswer page_object_bytes(const PageQuestion& question, const std::string& bucket, const std::string& key);

// By how they begin: what a browser draws from pixels. "" for anything else, SVG included. Pure.
std::string_view raster_type_of(std::string_view first_bytes);

}  // namespace ciaos::sidecar
