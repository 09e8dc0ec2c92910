#include "engine/streams.h"

#include <gtest/gtest.h>

namespace ciaos::engine {
namespace {

constexpr std::uint64_t kMiB = 1u << 20;
constexpr InodeId kFile{7};

TEST(Streams, TheFirstReadIsNoStreamAndTheNextOnesSeeFurtherAndFurther) {
  Streams streams;
  EXPECT_EQ(streams.window(kFile, 0, kMiB), 0u);
  EXPECT_EQ(streams.window(kFile, kMiB, 2 * kMiB), Streams::kWindowMin);
  EXPECT_EQ(streams.window(kFile, 2 * kMiB, 3 * kMiB), 2 * Streams::kWindowMin);
  for (std::uint64_t at = 3; at < 20; ++at) streams.window(kFile, at * kMiB, (at + 1) * kMiB);
  EXPECT_EQ(streams.window(kFile, 20 * kMiB, 21 * kMiB), Streams::kWindowMax);
}

TEST(Streams, TwoThatOvertakeEachOtherGoOn) {
  Streams streams;
  streams.window(kFile, 0, kMiB);
  EXPECT_GT(streams.window(kFile, 2 * kMiB, 3 * kMiB), 0u);
  EXPECT_GT(streams.window(kFile, kMiB, 2 * kMiB), 0u);
  EXPECT_GT(streams.window(kFile, 3 * kMiB, 4 * kMiB), 0u);
}

TEST(Streams, AJumpEndsIt) {
  Streams streams;
  streams.window(kFile, 0, kMiB);
  streams.window(kFile, kMiB, 2 * kMiB);
  EXPECT_EQ(streams.window(kFile, 100 * kMiB, 101 * kMiB), 0u);
  EXPECT_EQ(streams.window(kFile, 50 * kMiB, 51 * kMiB), 0u);
  EXPECT_EQ(streams.window(kFile, 51 * kMiB, 52 * kMiB), Streams::kWindowMin);
}

TEST(Streams, ShortReadsAreNone) {
  Streams streams;
  for (std::uint64_t at = 0; at < 100; ++at) EXPECT_EQ(streams.window(kFile, at * 4096, (at + 1) * 4096), 0u);
}

TEST(Streams, FilesAreToldApart) {
  Streams streams;
  streams.window(kFile, 0, kMiB);
  EXPECT_EQ(streams.window(InodeId(kFile.value() + 1), kMiB, 2 * kMiB), 0u);
  EXPECT_EQ(streams.window(InodeId(kFile.value() + 64), kMiB, 2 * kMiB), 0u);
}

}  // namespace
}  // namespace ciaos::engine
