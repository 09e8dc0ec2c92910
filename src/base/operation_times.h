// How often something was done, how long it took, and how many bytes it moved: cheap enough to be counted always.
//
// A thread adds to the cells of its own shard, so threads share no cache line and take no lock; who reads adds the shards up, and
// may see one operation in the count and not yet in the sum.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace ciaos {

// Latencies fall into buckets of a quarter of a power of two, from about a microsecond to two minutes: a percentile is at most a
// quarter too large.
inline constexpr std::size_t kLatencyBuckets = 1 + 4 * 27;

constexpr std::size_t latency_bucket(std::uint64_t nanoseconds) {
  constexpr unsigned kFirstBits = 10;
  if (nanoseconds >> kFirstBits == 0) return 0;
  const auto octave = static_cast<unsigned>(std::bit_width(nanoseconds)) - 1 - kFirstBits;
  const std::uint64_t quarter = nanoseconds >> (octave + kFirstBits - 2) & 3;
  const std::size_t bucket = 1 + 4 * std::size_t{octave} + quarter;
  return bucket < kLatencyBuckets ? bucket : kLatencyBuckets - 1;
}

// What is in it took less than this; of the last one, at least this is not said.
constexpr std::uint64_t latency_bucket_end(std::size_t bucket) {
  return bucket == 0 ? 1024 : (4 + (bucket - 1) % 4 + 1) << ((bucket - 1) / 4 + 8);
}

struct OperationTotals {
  std::uint64_t nanoseconds = 0;
  std::uint64_t bytes = 0;
  std::array<std::uint64_t, kLatencyBuckets> buckets{};

  std::uint64_t count() const;
  // So long took the `share` (0 to 1) of the fastest at most; 0 of none.
  std::uint64_t percentile(double share) const;
  // What came since `before`.
  OperationTotals since(const OperationTotals& before) const;
};

// Thread-safe.
class OperationTimes {
 public:
  static constexpr std::size_t kKindsMax = 64;

  OperationTimes() : shards_(new Shard[kShards]()) {}
  // Kinds beyond kKindsMax are counted as 0.
  void add(std::size_t kind, std::uint64_t nanoseconds, std::uint64_t bytes);
  OperationTotals of(std::size_t kind) const;

 private:
  static constexpr std::size_t kShards = 8;
  struct Cell {
    std::atomic<std::uint64_t> nanoseconds;
    std::atomic<std::uint64_t> bytes;
    std::array<std::atomic<std::uint64_t>, kLatencyBuckets> buckets;
  };
  struct alignas(64) Shard {
    std::array<Cell, kKindsMax> cells;
  };
  std::unique_ptr<Shard[]> shards_;
};

}  // namespace ciaos
