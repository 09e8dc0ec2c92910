// The S3 dialect: which operation a request is, and its answer (doc/s3.md).
#pragma once

#include <string>

#include "sidecar/exchange.h"
#include "sidecar/settings.h"
#include "sidecar/store.h"

namespace ciaos::sidecar {

// Whether a request for a route of the native API is S3's after all: signed, and without the header that names a user.
bool is_s3(const HttpHead& head);
// The name of the operation, for the metrics.
std::string answer_s3(const Settings& settings, Store& store, Exchange& exchange);

}  // namespace ciaos::sidecar
