#include "base/operation_times.h"

#include <algorithm>
#include <cmath>

namespace ciaos {
namespace {

// Threads are dealt out one after the other; which one a thread got matters to nobody.
std::size_t number_of_this_thread() {
  static std::atomic<std::size_t> threads{0};
  thread_local const std::size_t number = threads++;
  return number;
}

}  // namespace

std::uint64_t OperationTotals::count() const {
  std::uint64_t sum = 0;
  for (const std::uint64_t bucket : buckets) sum += bucket;
  return sum;
}

std::uint64_t OperationTotals::percentile(double share) const {
  const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count())));
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    below += buckets[i];
    if (below > 0 && below >= wanted) return latency_bucket_end(i);
  }
  return 0;
}

OperationTotals OperationTotals::since(const OperationTotals& before) const {
  OperationTotals out;
  out.nanoseconds = nanoseconds - std::min(nanoseconds, before.nanoseconds);
  out.bytes = bytes - std::min(bytes, before.bytes);
  for (std::size_t i = 0; i < buckets.size(); ++i)
    out.buckets[i] = buckets[i] - std::min(buckets[i], before.buckets[i]);
  return out;
}

void OperationTimes::add(std::size_t kind, std::uint64_t nanoseconds, std::uint64_t bytes) {
  Cell& cell = shards_[number_of_this_thread() % kShards].cells[kind < kKindsMax ? kind : 0];
  cell.buckets[latency_bucket(nanoseconds)].fetch_add(1, std::memory_order_relaxed);
  cell.nanoseconds.fetch_add(nanoseconds, std::memory_order_relaxed);
  if (bytes != 0) cell.bytes.fetch_add(bytes, std::memory_order_relaxed);
}

OperationTotals OperationTimes::of(std::size_t kind) const {
  OperationTotals totals;
  for (std::size_t s = 0; s < kShards; ++s) {
    const Cell& cell = shards_[s].cells[kind];
    totals.nanoseconds += cell.nanoseconds.load(std::memory_order_relaxed);
    totals.bytes += cell.bytes.load(std::memory_order_relaxed);
    for (std::size_t i = 0; i < kLatencyBuckets; ++i)
      totals.buckets[i] += cell.buckets[i].load(std::memory_order_relaxed);
  }
  return totals;
}

}  // namespace ciaos
