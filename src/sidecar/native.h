// The native API: put, get, append, update, update_key and delete of lists of byte strings (doc/native-api.md).
#pragma once

#include "sidecar/exchange.h"
#include "sidecar/settings.h"
#include "sidecar/store.h"

namespace ciaos::sidecar {

// Whether the request is one of this API: by its method and the first component of its path.
bool is_native(const HttpHead& head);
void answer_native(const Settings& settings, Store& store, Exchange& exchange);

}  // namespace ciaos::sidecar
