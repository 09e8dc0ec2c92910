// Which scripts of other sites a browser may let at a bucket (the Fetch standard's CORS protocol).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sidecar/s3_request.h"

namespace ciaos::sidecar {

struct CorsRule {
  std::vector<std::string> origins;  // each with at most one "*"
  std::vector<std::string> methods;
  std::vector<std::string> headers;  // in lower case, each with at most one "*"
  std::vector<std::string> exposed;
  std::string max_age;  // seconds; empty: not said
};
// nullopt: not a CORSConfiguration. Pure.
std::optional<std::vector<CorsRule>> parse_cors(const std::string& xml);

// OPTIONS: whether the bucket allows what the browser is about to ask.
S3Answer answer_preflight(S3Request& request);
// What the answer to a request with an Origin says besides.
Headers cors_headers(S3Request& request);

}  // namespace ciaos::sidecar
