#include "support/random.h"

#include <cstdlib>

namespace ciaos::test {

namespace {

std::uint64_t number_from_environment(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? 0 : std::strtoull(text, nullptr, 10);
}

}  // namespace

SeedRange seeds_to_run(std::uint64_t usual) {
  if (const std::uint64_t one = number_from_environment("CIAOS_SEED"); one != 0) return {one, one + 1};
  const std::uint64_t count = number_from_environment("CIAOS_SEEDS");
  return {1, 1 + (count == 0 ? usual : count)};
}

}  // namespace ciaos::test
