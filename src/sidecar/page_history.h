// The last hour in figures: what came between two looks at counters, sample by sample.
//
//   look ──same daemon──> look ──> look ──away──> gap ──back──> look ...
//     (nothing yet)   sample   sample    sample       sample      sample
//                                      without a store's figures
//
// Counters begin at 0 with their process. So between two looks at different daemons, or at none, nothing is known, and a sample
// says so: NaN, which is null in JSON. Nothing is carried over a gap or made up for it.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/operation_times.h"
#include "rpc/record.h"
#include "sidecar/metrics.h"

namespace ciaos::sidecar {

inline constexpr std::uint64_t kSampleMs = 5000;
inline constexpr std::size_t kSamplesMax = 720;   // an hour
inline constexpr std::uint64_t kBusyMs = 60'000;  // what "now" means for the busiest operations

// Fields of a sample: mean rates of its interval, latencies of what ended in it, and states at its end.
enum class Figure : std::size_t {
  read_bytes,      // a second, by requests of the kernel
  written_bytes,   // a second, by requests of the kernel
  sent_bytes,      // a second, of bodies over HTTP
  received_bytes,  // a second, of bodies over HTTP
  requests,        // a second, of the kernel
  http_requests,   // a second
  read_p50_ns,
  read_p99_ns,
  write_p50_ns,
  write_p99_ns,
  sync_p50_ns,  // fsync, of files and directories
  sync_p99_ns,
  http_p50_ns,
  http_p99_ns,
  commits,         // a second
  syncs,           // a second, of devices
  device_sync_ns,  // mean
  appended_bytes,  // a second, to the log
  device_bytes,    // a second, read from devices
  scrub_bytes,     // a second, read by the scrubber
  moved_bytes,     // a second, by compaction
  live_bytes,      // at the end, as the next two
  garbage_bytes,
  free_bytes,
  count,
};
inline constexpr std::size_t kFigures = static_cast<std::size_t>(Figure::count);
std::string_view name_of(Figure figure);

struct PageSample {
  std::uint64_t number = 0;  // rises by one
  std::int64_t end_ms = 0;   // since 1970
  std::uint64_t length_ms = 0;
  bool up = false;  // whether the daemon answered at the end
  std::array<double, kFigures> figures{};
  double operator[](Figure figure) const { return figures[static_cast<std::size_t>(figure)]; }
};

// What counters said at one time.
struct PageLook {
  std::uint64_t monotonic_ms = 0;
  std::int64_t unix_ms = 0;
  std::optional<rpc::Records> store;  // as `overview` answers; nullopt: nobody did
  std::map<std::string, Metrics::Totals> http;
};

// What was done between two looks. nullopt without an interval between them.
std::optional<PageSample> sample_between(const PageLook& before, const PageLook& after);

struct BusyOperation {
  bool over_http = false;
  std::string name;
  double per_second = 0;
  double bytes_per_second = 0;  // over HTTP in both directions
  double share = 0;             // of the time that all operations of the list took together
  std::uint64_t mean_ns = 0;
  std::uint64_t p50_ns = 0;
  std::uint64_t p99_ns = 0;
};
// The one that took most time first.
std::vector<BusyOperation> busiest_between(const PageLook& before, const PageLook& after);

// Thread-safe; its mutex is a leaf.
class PageHistory {
 public:
  void add(PageLook look) EXCLUDES(mutex_);
  // Those with a greater number.
  std::vector<PageSample> since(std::uint64_t number) const EXCLUDES(mutex_);
  // Of about the last kBusyMs.
  std::vector<BusyOperation> busiest() const EXCLUDES(mutex_);
  // What the newest look says; nullopt before the first.
  std::optional<PageLook> newest() const EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::deque<PageSample> samples_ GUARDED_BY(mutex_);
  std::deque<PageLook> looks_ GUARDED_BY(mutex_);  // of the last kBusyMs
  std::uint64_t next_ GUARDED_BY(mutex_) = 1;
};

}  // namespace ciaos::sidecar
