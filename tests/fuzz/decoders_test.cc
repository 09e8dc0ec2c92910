// Bytes of any kind, for some seconds: CIAOS_FUZZ_SECONDS says how long each (1), CIAOS_SEED repeats one.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include "support/random.h"
#include "tests/fuzz/decoders.h"

namespace ciaos::fuzz {
namespace {

// Numbers at which bounds lie.
constexpr std::uint64_t kEdges[] = {0,        1,          0x7F,       0x80,       0xFF,      0xFFFF,
                                    1u << 20, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, INT64_MAX, UINT64_MAX};

void mutate(ByteVector& bytes, const ByteVector& other, test::Random& dice) {
  const std::size_t at = bytes.empty() ? 0 : dice.below(bytes.size());
  switch (dice.below(7)) {
    case 0:
      if (!bytes.empty()) bytes[at] ^= std::byte{1} << dice.below(8);
      break;
    case 1:
      if (!bytes.empty()) bytes[at] = static_cast<std::byte>(dice.below(256));
      break;
    case 2: {
      const std::uint64_t edge = kEdges[dice.below(std::size(kEdges))];
      for (std::size_t i = 0, width = std::size_t{1} << dice.below(4); i < width && at + i < bytes.size();
           ++i)
        bytes[at + i] = static_cast<std::byte>(edge >> 8 * i);
      break;
    }
    case 3: bytes.resize(at); break;
    case 4: bytes.resize(bytes.size() + dice.below(20), static_cast<std::byte>(dice.below(256))); break;
    case 5:
      if (!other.empty()) {
        const std::size_t from = dice.below(other.size());
        for (std::size_t i = 0; i < 16 && from + i < other.size() && at + i < bytes.size(); ++i)
          bytes[at + i] = other[from + i];
      }
      break;
    default:
      if (!bytes.empty()) bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(at));
      break;
  }
}

class Fuzzed : public testing::TestWithParam<Decoder> {};

TEST_P(Fuzzed, RefusesOrAnswersWithinItsBounds) {
  const Decoder& decoder = GetParam();
  const char* seconds = std::getenv("CIAOS_FUZZ_SECONDS");
  const auto until = std::chrono::steady_clock::now() +
                     std::chrono::seconds(seconds == nullptr ? 1 : std::strtol(seconds, nullptr, 10));
  const char* given = std::getenv("CIAOS_SEED");
  std::uint64_t seed = given == nullptr ? std::random_device{}() : std::strtoull(given, nullptr, 10);
  std::uint64_t cases = 0;
  std::uint64_t decoded = 0;
  do {
    test::Random dice(++seed);
    ByteVector bytes = decoder.example(seed);
    ASSERT_TRUE(decoder.decode(bytes)) << "CIAOS_SEED=" << seed - 1;
    const ByteVector other = decoder.example(seed + 1);
    for (int round = 0; round < 20; ++round) {
      // Shown before the process may end in it.
      if (given != nullptr)
        std::fprintf(stderr, "CIAOS_SEED=%llu\n", static_cast<unsigned long long>(seed - 1));
      mutate(bytes, other, dice);
      decoded += decoder.decode(bytes) ? 1 : 0;
      ++cases;
    }
  } while (given == nullptr && std::chrono::steady_clock::now() < until);
  std::printf("%lu cases up to CIAOS_SEED=%lu, %lu of them decoded\n", cases, seed - 1, decoded);
  EXPECT_LT(decoded, cases);
}

INSTANTIATE_TEST_SUITE_P(Decoder, Fuzzed, testing::ValuesIn(decoders().begin(), decoders().end()),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

}  // namespace
}  // namespace ciaos::fuzz
