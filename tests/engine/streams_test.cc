#include "engine/streams.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace ciaos::engine {
namespace {

constexpr std::uint64_t kMiB = 1u << 20;
constexpr InodeId kFile{7};

std::uint64_t bytes_of(const Streams::Window& window) {
  return window.end - std::min(window.begin, window.end);
}

TEST(Streams, TheFirstReadIsNoStreamAndTheNextOnesSeeFurtherAndFurther) {
  Streams streams;
  EXPECT_EQ(bytes_of(streams.ahead(kFile, 0, kMiB)), 0u);
  Streams::Window window = streams.ahead(kFile, kMiB, 2 * kMiB);
  EXPECT_EQ(window.begin, 2 * kMiB);
  EXPECT_EQ(window.end, 2 * kMiB + Streams::kWindowMin);
  window = streams.ahead(kFile, 2 * kMiB, 3 * kMiB);
  EXPECT_EQ(window.end, 3 * kMiB + 2 * Streams::kWindowMin);
  for (std::uint64_t at = 3; at < 20; ++at) window = streams.ahead(kFile, at * kMiB, (at + 1) * kMiB);
  EXPECT_EQ(window.end, 20 * kMiB + Streams::kWindowMax);
}

TEST(Streams, NothingIsSaidTwice) {
  Streams streams;
  std::uint64_t said = 0;
  for (std::uint64_t at = 0; at < 20; ++at) {
    const Streams::Window window = streams.ahead(kFile, at * kMiB, (at + 1) * kMiB);
    if (bytes_of(window) == 0) continue;
    EXPECT_GE(window.begin, said);
    said = window.end;
  }
  EXPECT_EQ(said, 20 * kMiB + Streams::kWindowMax);
}

TEST(Streams, TwoThatOvertakeEachOtherGoOn) {
  Streams streams;
  streams.ahead(kFile, 0, kMiB);
  EXPECT_EQ(streams.ahead(kFile, 2 * kMiB, 3 * kMiB).end, 4 * kMiB);
  EXPECT_EQ(bytes_of(streams.ahead(kFile, kMiB, 2 * kMiB)), 0u);  // it was said
  EXPECT_EQ(streams.ahead(kFile, 3 * kMiB, 4 * kMiB).end, 8 * kMiB);
}

TEST(Streams, AJumpEndsIt) {
  Streams streams;
  streams.ahead(kFile, 0, kMiB);
  streams.ahead(kFile, kMiB, 2 * kMiB);
  EXPECT_EQ(bytes_of(streams.ahead(kFile, 100 * kMiB, 101 * kMiB)), 0u);
  EXPECT_EQ(bytes_of(streams.ahead(kFile, 50 * kMiB, 51 * kMiB)), 0u);
  EXPECT_EQ(bytes_of(streams.ahead(kFile, 51 * kMiB, 52 * kMiB)), Streams::kWindowMin);
}

TEST(Streams, ShortReadsAreNone) {
  Streams streams;
  for (std::uint64_t at = 0; at < 100; ++at)
    EXPECT_EQ(bytes_of(streams.ahead(kFile, at * 4096, (at + 1) * 4096)), 0u);
}

TEST(Streams, FilesAreToldApart) {
  Streams streams;
  streams.ahead(kFile, 0, kMiB);
  EXPECT_EQ(bytes_of(streams.ahead(InodeId(kFile.value() + 1), kMiB, 2 * kMiB)), 0u);
  EXPECT_EQ(bytes_of(streams.ahead(InodeId(kFile.value() + 64), kMiB, 2 * kMiB)), 0u);
}

}  // namespace
}  // namespace ciaos::engine
