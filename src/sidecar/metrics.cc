#include "sidecar/metrics.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

namespace ciaos::sidecar {

void Metrics::count(const std::string& operation, int status, std::uint64_t bytes_sent,
                    std::uint64_t took_us) {
  MutexLock lock(mutex_);
  Series& series = series_[{operation, status}];
  const auto bucket = std::ranges::lower_bound(kBoundsUs, took_us) - kBoundsUs.begin();
  ++series.buckets[static_cast<std::size_t>(bucket)];
  ++series.count;
  series.sum_us += took_us;
  series.bytes += bytes_sent;
}

void Metrics::count_totals(const std::string& operation, std::uint64_t bytes_sent,
                           std::uint64_t bytes_received, std::uint64_t took_ns) {
  MutexLock lock(mutex_);
  Totals& totals = totals_[operation];
  ++totals.times.buckets[latency_bucket(took_ns)];
  totals.times.nanoseconds += took_ns;
  totals.times.bytes += bytes_sent;
  totals.received_bytes += bytes_received;
}

std::map<std::string, Metrics::Totals> Metrics::totals() const {
  MutexLock lock(mutex_);
  return totals_;
}

std::string Metrics::text(const std::string& store) const {
  std::string requests =
      "# HELP ciaos_requests_total Requests answered.\n# TYPE ciaos_requests_total counter\n";
  std::string bytes =
      "# HELP ciaos_sent_bytes_total Bytes of bodies sent.\n# TYPE ciaos_sent_bytes_total counter\n";
  std::string seconds =
      "# HELP ciaos_request_seconds How long requests took.\n# TYPE ciaos_request_seconds histogram\n";
  {
    MutexLock lock(mutex_);
    for (const auto& [key, series] : series_) {
      const std::string labels = fmt::format("operation=\"{}\",status=\"{}\"", key.first, key.second);
      requests += fmt::format("ciaos_requests_total{{{}}} {}\n", labels, series.count);
      bytes += fmt::format("ciaos_sent_bytes_total{{{}}} {}\n", labels, series.bytes);
      std::uint64_t below = 0;
      for (std::size_t i = 0; i < kBoundsUs.size(); ++i) {
        below += series.buckets[i];
        seconds += fmt::format("ciaos_request_seconds_bucket{{{},le=\"{}\"}} {}\n", labels,
                               static_cast<double>(kBoundsUs[i]) / 1e6, below);
      }
      seconds += fmt::format("ciaos_request_seconds_bucket{{{},le=\"+Inf\"}} {}\n", labels, series.count);
      seconds += fmt::format("ciaos_request_seconds_sum{{{}}} {}\n", labels,
                             static_cast<double>(series.sum_us) / 1e6);
      seconds += fmt::format("ciaos_request_seconds_count{{{}}} {}\n", labels, series.count);
    }
  }
  std::string out = requests + bytes + seconds;
  out += "# HELP ciaos_store_up Whether the daemon answers.\n# TYPE ciaos_store_up gauge\n";
  out += fmt::format("ciaos_store_up {}\n", store.empty() ? 0 : 1);
  return out + store;
}

}  // namespace ciaos::sidecar
