// What the page shows of the store, as JSON: RFC 8259. Numbers that are not known are null. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rpc/record.h"
#include "sidecar/page_history.h"

namespace ciaos::sidecar {

// {"began", "interval_ms", "fields": [name], "samples": [[number, end_ms, length_ms, up, figure...]], "now": {kind: {field}} or
// null, "why": text or null, "operations": [...]}. `began_ms`: when samples began to be numbered, since 1970.
std::string figures_json(const PageHistory& history, std::uint64_t since, std::int64_t began_ms,
                         const std::string& why);

struct VolumeMap {
  rpc::Records volumes;  // "volume"
  bool cut = false;      // there are more
  std::int64_t at_ms = 0;
};
inline constexpr std::size_t kVolumesShown = 4096;
// {"at", "cut", "fields": [name], "volumes": [[...]]}; "volumes" is null while nothing is known.
std::string volumes_json(const std::optional<VolumeMap>& map);

}  // namespace ciaos::sidecar
