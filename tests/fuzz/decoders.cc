#include "tests/fuzz/decoders.h"

#include "tests/fuzz/tables.h"

namespace ciaos::fuzz {

const std::vector<Decoder>& decoders() {
  static const std::vector<Decoder> all = [] {
    std::vector<Decoder> gathered;
    for (const auto table : {device_decoders(), volume_decoders(), index_decoders(), network_decoders()})
      gathered.insert(gathered.end(), table.begin(), table.end());
    return gathered;
  }();
  return all;
}

}  // namespace ciaos::fuzz
