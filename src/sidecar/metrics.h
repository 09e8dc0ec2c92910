// What was answered, counted for /metrics in the text format of Prometheus.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "base/mutex.h"
#include "base/operation_times.h"
#include "rpc/protocol.h"

namespace ciaos::sidecar {

// Thread-safe; its mutex is a leaf.
class Metrics {
 public:
  void count(const std::string& operation, int status, std::uint64_t bytes_sent, std::uint64_t took_us);
  // What /metrics does not tell: bodies in both directions, and finer latencies, for who looks at differences (page_history.h).
  void count_totals(const std::string& operation, std::uint64_t bytes_sent, std::uint64_t bytes_received,
                    std::uint64_t took_ns);
  struct Totals {
    OperationTotals times;  // their bytes are those that were sent
    std::uint64_t received_bytes = 0;
  };
  std::map<std::string, Totals> totals() const;
  // `store`: the daemon's own metrics, empty when it is not there.
  std::string text(const std::string& store) const;

 private:
  static constexpr std::array<std::uint64_t, 8> kBoundsUs{500,    1000,    5000,    10'000,
                                                          50'000, 100'000, 500'000, 2'500'000};
  struct Series {
    std::array<std::uint64_t, kBoundsUs.size() + 1> buckets{};
    std::uint64_t count = 0;
    std::uint64_t sum_us = 0;
    std::uint64_t bytes = 0;
  };
  mutable Mutex mutex_;
  std::map<std::pair<std::string, int>, Series> series_ GUARDED_BY(mutex_);
  std::map<std::string, Totals> totals_ GUARDED_BY(mutex_);
};

}  // namespace ciaos::sidecar
