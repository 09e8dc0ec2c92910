#include "base/operation_times.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace ciaos {
namespace {

TEST(OperationTimes, EachTimeIsInTheBucketThatEndsBehindIt) {
  for (std::uint64_t ns = 1; ns < 100'000'000'000; ns += ns / 7 + 1) {
    const std::size_t bucket = latency_bucket(ns);
    EXPECT_LT(ns, latency_bucket_end(bucket)) << ns;
    EXPECT_TRUE(bucket == 0 || ns >= latency_bucket_end(bucket - 1)) << ns;
  }
  for (std::size_t i = 1; i < kLatencyBuckets; ++i) {
    EXPECT_LT(latency_bucket_end(i - 1), latency_bucket_end(i));
    EXPECT_EQ(latency_bucket(latency_bucket_end(i - 1)), i);
  }
  EXPECT_EQ(latency_bucket(UINT64_MAX), kLatencyBuckets - 1);
}

TEST(OperationTimes, PercentilesAreAtMostAQuarterTooLarge) {
  OperationTimes times;
  for (std::uint64_t i = 1; i <= 1000; ++i) times.add(3, i * 10'000, 2);
  const OperationTotals totals = times.of(3);
  EXPECT_EQ(totals.count(), 1000u);
  EXPECT_EQ(totals.bytes, 2000u);
  EXPECT_EQ(totals.nanoseconds, 500'500ull * 10'000);
  for (const double share : {0.01, 0.5, 0.9, 0.99, 1.0}) {
    const double exact = share * 10'000'000;
    EXPECT_GE(static_cast<double>(totals.percentile(share)), exact) << share;
    EXPECT_LE(static_cast<double>(totals.percentile(share)), exact * 1.26) << share;
  }
  EXPECT_EQ(OperationTotals().percentile(0.5), 0u);
}

TEST(OperationTimes, WhatManyThreadsCountIsNotLost) {
  OperationTimes times;
  std::vector<std::thread> threads;
  for (int t = 0; t < 16; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) times.add(i % 2 == 0 ? 1 : 1000, 5000, 1);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(times.of(1).count(), 8000u);
  EXPECT_EQ(times.of(0).bytes, 8000u);
}

TEST(OperationTimes, WhatCameSinceIsTheDifference) {
  OperationTimes times;
  times.add(1, 2000, 10);
  const OperationTotals before = times.of(1);
  times.add(1, 1'000'000, 5);
  const OperationTotals since = times.of(1).since(before);
  EXPECT_EQ(since.count(), 1u);
  EXPECT_EQ(since.bytes, 5u);
  EXPECT_EQ(since.percentile(0.5), latency_bucket_end(latency_bucket(1'000'000)));
}

}  // namespace
}  // namespace ciaos
