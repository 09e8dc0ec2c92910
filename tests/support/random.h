// Numbers from a seed, the same on every machine: standard distributions are not.
#pragma once

#include <cstdint>
#include <string>

namespace ciaos::test {

// SplitMix64. Not thread-safe.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) { next(); }

  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  }
  // In [0, bound). REQUIRES: bound > 0.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  bool chance(std::uint64_t percent) { return below(100) < percent; }
  std::string bytes(std::size_t count) {
    std::string text(count, '\0');
    std::uint64_t word = 0;
    for (std::size_t at = 0; at < count; ++at) {
      if (at % 8 == 0) word = next();
      text[at] = static_cast<char>(word >> (at % 8 * 8));
    }
    return text;
  }

 private:
  std::uint64_t state_;
};

// Which seeds a random test runs: CIAOS_SEED=n the n-th alone, CIAOS_SEEDS=n the first n, else the first `usual`.
struct SeedRange {
  std::uint64_t begin = 1;
  std::uint64_t end = 1;
};
SeedRange seeds_to_run(std::uint64_t usual);

}  // namespace ciaos::test
