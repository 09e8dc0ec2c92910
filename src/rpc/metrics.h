// The daemon's numbers in the text format of Prometheus (version 0.0.4). Names are promises: doc/metrics.md lists them, and a
// test compares. Pure.
#pragma once

#include <string>

#include "rpc/record.h"

namespace ciaos::rpc {

// Of "status" and "operation" records.
std::string metrics_text(const Records& records);

}  // namespace ciaos::rpc
