// Bytes of any kind, for some seconds: CIAOS_FUZZ_SECONDS says how long each (1), CIAOS_SEED repeats one. And every file of
// tests/fuzz/corpus, with which tests/fuzzing begins; CIAOS_WRITE_CORPUS=1 writes it.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

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

namespace fs = std::filesystem;

// Short ones, since it is the shape that counts.
void write_corpus(const Decoder& decoder, const fs::path& folder) {
  std::vector<ByteVector> examples;
  for (std::uint64_t seed = 1; seed <= 64; ++seed) examples.push_back(decoder.example(seed));
  std::ranges::sort(examples, [](const ByteVector& a, const ByteVector& b) {
    return std::pair(a.size(), as_text(a)) < std::pair(b.size(), as_text(b));
  });
  examples.erase(std::unique(examples.begin(), examples.end()), examples.end());
  fs::create_directories(folder);
  for (std::size_t i = 0; i < std::min<std::size_t>(examples.size(), 4); ++i) {
    const ByteVector& bytes = examples[i * std::min<std::size_t>(examples.size() / 4, 6)];
    std::ofstream(folder / ("example-" + std::to_string(i) + ".bin"), std::ios::binary) << as_text(bytes);
  }
}

TEST_P(Fuzzed, TakesWhatItsCorpusHolds) {
  const Decoder& decoder = GetParam();
  const fs::path folder = fs::path(CIAOS_CORPUS) / decoder.name;
  if (std::getenv("CIAOS_WRITE_CORPUS") != nullptr) write_corpus(decoder, folder);
  std::size_t examples = 0;
  for (const auto& file : fs::directory_iterator(folder)) {
    std::ifstream in(file.path(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(in), {});
    const bool decoded = decoder.decode(as_bytes(bytes));
    if (!file.path().filename().string().starts_with("example")) continue;
    EXPECT_TRUE(decoded) << file.path();
    ++examples;
  }
  EXPECT_GT(examples, 0u);
}

INSTANTIATE_TEST_SUITE_P(Decoder, Fuzzed, testing::ValuesIn(decoders()),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

}  // namespace
}  // namespace ciaos::fuzz
