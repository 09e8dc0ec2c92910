#include "fuse/read_forecast.h"

#include <gtest/gtest.h>

namespace ciaos::fuse {
namespace {

constexpr std::uint32_t kThread = 4711;

// How many of `count` files are expected to be read when a thread comes to them, and then are or are not.
int expected_of(ReadForecast& forecast, std::uint64_t first, int count, bool reads,
                std::uint32_t thread = kThread) {
  int expected = 0;
  for (int i = 0; i < count; ++i) {
    const InodeId file(first + static_cast<std::uint64_t>(i));
    if (forecast.expects_read(thread, file)) ++expected;
    if (reads) forecast.note_read(thread, file);
  }
  return expected;
}

TEST(ReadForecast, WhoReadsWhatHeLooksUpIsBelievedAfterAFew) {
  ReadForecast forecast;
  EXPECT_EQ(expected_of(forecast, 100, 4, true), 0);
  EXPECT_EQ(expected_of(forecast, 200, 100, true), 100);
}

TEST(ReadForecast, WhoOnlyLooksIsNeverBelieved) {
  ReadForecast forecast;
  EXPECT_EQ(expected_of(forecast, 100, 1000, false), 0);
}

TEST(ReadForecast, AReaderWhoTurnsToLookingIsBelievedForAFewMore) {
  ReadForecast forecast;
  expected_of(forecast, 100, 50, true);
  EXPECT_LE(expected_of(forecast, 1000, 1000, false), 32);
  EXPECT_EQ(expected_of(forecast, 3000, 100, false), 0);
}

TEST(ReadForecast, ALookupAndAnOpenOfOneFileCountOnce) {
  ReadForecast forecast;
  for (std::uint64_t file = 100; file < 110; ++file) {
    forecast.expects_read(kThread, InodeId(file));
    forecast.expects_read(kThread, InodeId(file));
    forecast.note_read(kThread, InodeId(file));
  }
  EXPECT_TRUE(forecast.expects_read(kThread, InodeId(200)));
  EXPECT_TRUE(forecast.expects_read(kThread, InodeId(200)));
}

TEST(ReadForecast, ThreadsAreToldApart) {
  ReadForecast forecast;
  expected_of(forecast, 100, 50, true, kThread);
  EXPECT_EQ(expected_of(forecast, 200, 50, false, kThread + 1), 0);
  EXPECT_EQ(expected_of(forecast, 300, 50, true, kThread), 50);
}

TEST(ReadForecast, AThreadThatTakesTheNumberOfAnotherBeginsAnew) {
  ReadForecast forecast;
  expected_of(forecast, 100, 50, true, kThread);
  EXPECT_EQ(expected_of(forecast, 200, 50, false, kThread + 256), 0);
}

TEST(ReadForecast, TheKernelItselfIsNotBelieved) {
  ReadForecast forecast;
  EXPECT_EQ(expected_of(forecast, 100, 50, true, 0), 0);
}

TEST(ReadForecast, AReadOfWhatWasNotLookedUpSaysNothing) {
  ReadForecast forecast;
  for (std::uint64_t file = 1; file < 50; ++file) forecast.note_read(kThread, InodeId(file));
  EXPECT_FALSE(forecast.expects_read(kThread, InodeId(100)));
}

}  // namespace
}  // namespace ciaos::fuse
