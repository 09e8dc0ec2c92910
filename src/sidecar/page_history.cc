#include "sidecar/page_history.h"

#include <algorithm>
#include <limits>

#include "rpc/operation_records.h"

namespace ciaos::sidecar {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
// A machine that slept has no rate to show.
constexpr std::uint64_t kIntervalMsMax = 6 * kSampleMs;
// Of HTTP, what is asked by machines about machines.
constexpr std::string_view kNotWork[] = {"page", "metrics", "health", "ready"};

constexpr std::array<std::string_view, kFigures> kNames = {
    "read_bytes",   "written_bytes", "sent_bytes",   "received_bytes", "requests",       "http_requests",
    "read_p50_ns",  "read_p99_ns",   "write_p50_ns", "write_p99_ns",   "sync_p50_ns",    "sync_p99_ns",
    "http_p50_ns",  "http_p99_ns",   "commits",      "syncs",          "device_sync_ns", "appended_bytes",
    "device_bytes", "scrub_bytes",   "moved_bytes",  "live_bytes",     "garbage_bytes",  "free_bytes",
};

using Operations = std::map<std::string, OperationTotals>;

void add_to(OperationTotals& sum, const OperationTotals& more) {
  sum.nanoseconds += more.nanoseconds;
  sum.bytes += more.bytes;
  for (std::size_t i = 0; i < sum.buckets.size(); ++i) sum.buckets[i] += more.buckets[i];
}

Operations kernel_operations(const PageLook& look) {
  Operations operations;
  for (const rpc::Record& record : *look.store) {
    if (record.kind == "operation") operations[record.text("name")] = rpc::totals_of(record);
  }
  return operations;
}

// `over_http`: those of `look` that are work, their bytes in both directions.
Operations http_operations(const PageLook& look) {
  Operations operations;
  for (const auto& [name, totals] : look.http) {
    if (std::ranges::find(kNotWork, name) != std::end(kNotWork)) continue;
    OperationTotals& out = operations[name] = totals.times;
    out.bytes += totals.received_bytes;
  }
  return operations;
}

Operations difference(const Operations& before, const Operations& after) {
  Operations out;
  for (const auto& [name, totals] : after) {
    const auto then = before.find(name);
    const OperationTotals more = then == before.end() ? totals : totals.since(then->second);
    if (more.count() > 0) out[name] = more;
  }
  return out;
}

std::uint64_t number_in(const PageLook& look, std::string_view kind, std::string_view field) {
  for (const rpc::Record& record : *look.store) {
    if (record.kind == kind) return record.number(field);
  }
  return 0;
}

// Counters that began anew in between were another daemon's.
bool is_same_daemon(const PageLook& before, const PageLook& after) {
  if (!before.store || !after.store) return false;
  if (number_in(before, "store", "epoch") != number_in(after, "store", "epoch")) return false;
  constexpr std::pair<std::string_view, std::string_view> kCounters[] = {
      {"log", "commits"}, {"log", "appended_bytes"}, {"reads", "device_reads"}, {"caches", "index_reads"}};
  if (!std::ranges::all_of(kCounters, [&](const auto& counter) {
        return number_in(before, counter.first, counter.second) <=
               number_in(after, counter.first, counter.second);
      }))
    return false;
  const Operations earlier = kernel_operations(before);
  const Operations later = kernel_operations(after);
  return std::ranges::all_of(earlier, [&](const auto& operation) {
    const auto now = later.find(operation.first);
    return now != later.end() && now->second.count() >= operation.second.count();
  });
}

class Filler {
 public:
  Filler(PageSample& sample, const PageLook& before, const PageLook& after)
      : sample_(sample),
        before_(before),
        after_(after),
        seconds_(static_cast<double>(after.monotonic_ms - before.monotonic_ms) / 1000) {}

  void fill_http() {
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    for (const auto& [name, totals] : after_.http) {
      if (std::ranges::find(kNotWork, name) != std::end(kNotWork)) continue;
      const auto then = before_.http.find(name);
      const Metrics::Totals earlier = then == before_.http.end() ? Metrics::Totals() : then->second;
      sent += totals.times.bytes - earlier.times.bytes;
      received += totals.received_bytes - earlier.received_bytes;
    }
    put(Figure::sent_bytes, rate(sent));
    put(Figure::received_bytes, rate(received));
    OperationTotals all;
    for (const auto& [name, totals] : difference(http_operations(before_), http_operations(after_)))
      add_to(all, totals);
    put(Figure::http_requests, rate(all.count()));
    put_percentiles(all, Figure::http_p50_ns, Figure::http_p99_ns);
  }

  void fill_kernel() {
    const Operations done = difference(kernel_operations(before_), kernel_operations(after_));
    const auto of = [&](const char* name) {
      const auto found = done.find(name);
      return found == done.end() ? OperationTotals() : found->second;
    };
    OperationTotals all;
    for (const auto& [name, totals] : done) add_to(all, totals);
    put(Figure::requests, rate(all.count()));
    put(Figure::read_bytes, rate(of("read").bytes));
    put(Figure::written_bytes, rate(of("write").bytes));
    put_percentiles(of("read"), Figure::read_p50_ns, Figure::read_p99_ns);
    put_percentiles(of("write"), Figure::write_p50_ns, Figure::write_p99_ns);
    OperationTotals syncs = of("fsync");
    add_to(syncs, of("fsyncdir"));
    put_percentiles(syncs, Figure::sync_p50_ns, Figure::sync_p99_ns);
  }

  void fill_counters() {
    put(Figure::commits, rate(more("log", "commits")));
    put(Figure::syncs, rate(more("log", "syncs")));
    if (const std::uint64_t syncs = more("log", "syncs"); syncs > 0)
      put(Figure::device_sync_ns, static_cast<double>(more("log", "sync_ns")) / static_cast<double>(syncs));
    put(Figure::appended_bytes, rate(more("log", "appended_bytes")));
    put(Figure::device_bytes, rate(more("reads", "device_read_bytes")));
    put(Figure::scrub_bytes, rate(more("upkeep", "scrub_read_bytes")));
    put(Figure::moved_bytes, rate(more("upkeep", "moved_bytes")));
  }

  void fill_states() {
    put(Figure::live_bytes, static_cast<double>(number_in(after_, "space", "live_bytes")));
    put(Figure::garbage_bytes, static_cast<double>(number_in(after_, "space", "garbage_bytes")));
    put(Figure::free_bytes, static_cast<double>(number_in(after_, "space", "free_bytes")));
  }

 private:
  void put(Figure figure, double value) { sample_.figures[static_cast<std::size_t>(figure)] = value; }
  void put_percentiles(const OperationTotals& totals, Figure p50, Figure p99) {
    if (totals.count() == 0) return;  // nothing took any time
    put(p50, static_cast<double>(totals.percentile(0.5)));
    put(p99, static_cast<double>(totals.percentile(0.99)));
  }
  double rate(std::uint64_t number) const { return static_cast<double>(number) / seconds_; }
  std::uint64_t more(std::string_view kind, std::string_view field) const {
    const std::uint64_t now = number_in(after_, kind, field);
    return now - std::min(now, number_in(before_, kind, field));
  }

  PageSample& sample_;
  const PageLook& before_;
  const PageLook& after_;
  const double seconds_;
};

}  // namespace

std::string_view name_of(Figure figure) { return kNames[static_cast<std::size_t>(figure)]; }

std::optional<PageSample> sample_between(const PageLook& before, const PageLook& after) {
  if (after.monotonic_ms <= before.monotonic_ms) return std::nullopt;
  PageSample sample;
  sample.figures.fill(kUnknown);
  sample.end_ms = after.unix_ms;
  sample.length_ms = after.monotonic_ms - before.monotonic_ms;
  sample.up = after.store.has_value();
  Filler filler(sample, before, after);
  if (sample.up) filler.fill_states();
  if (sample.length_ms > kIntervalMsMax) return sample;
  filler.fill_http();
  if (!is_same_daemon(before, after)) return sample;
  filler.fill_kernel();
  filler.fill_counters();
  return sample;
}

std::vector<BusyOperation> busiest_between(const PageLook& before, const PageLook& after) {
  std::vector<BusyOperation> busy;
  if (after.monotonic_ms <= before.monotonic_ms) return busy;
  const double seconds = static_cast<double>(after.monotonic_ms - before.monotonic_ms) / 1000;
  std::uint64_t together_ns = 0;
  const auto add = [&](const Operations& operations, bool over_http) {
    for (const auto& [name, totals] : operations) {
      together_ns += totals.nanoseconds;
      busy.push_back({.over_http = over_http,
                      .name = name,
                      .per_second = static_cast<double>(totals.count()) / seconds,
                      .bytes_per_second = static_cast<double>(totals.bytes) / seconds,
                      .share = static_cast<double>(totals.nanoseconds),
                      .mean_ns = totals.nanoseconds / totals.count(),
                      .p50_ns = totals.percentile(0.5),
                      .p99_ns = totals.percentile(0.99)});
    }
  };
  add(difference(http_operations(before), http_operations(after)), true);
  if (is_same_daemon(before, after))
    add(difference(kernel_operations(before), kernel_operations(after)), false);
  std::ranges::sort(busy, std::ranges::greater(), &BusyOperation::share);
  for (BusyOperation& operation : busy)
    operation.share = together_ns == 0 ? 0 : operation.share / static_cast<double>(together_ns);
  return busy;
}

void PageHistory::add(PageLook look) {
  MutexLock lock(mutex_);
  if (!looks_.empty()) {
    if (auto sample = sample_between(looks_.back(), look)) {
      sample->number = next_++;
      samples_.push_back(*sample);
      if (samples_.size() > kSamplesMax) samples_.pop_front();
    }
  }
  looks_.push_back(std::move(look));
  const std::uint64_t now = looks_.back().monotonic_ms;
  while (looks_.size() > 2 && looks_[1].monotonic_ms + kBusyMs <= now) looks_.pop_front();
}

std::vector<PageSample> PageHistory::since(std::uint64_t number) const {
  MutexLock lock(mutex_);
  const auto first = std::ranges::upper_bound(samples_, number, {}, &PageSample::number);
  return {first, samples_.end()};
}

std::vector<BusyOperation> PageHistory::busiest() const {
  PageLook before;
  PageLook after;
  {
    MutexLock lock(mutex_);
    if (looks_.empty()) return {};
    after = looks_.back();
    // The oldest that was of the same daemon: after a restart the list begins anew, and the list of HTTP with it.
    const auto oldest = std::ranges::find_if(looks_, [&](const PageLook& look) {
      return look.store.has_value() == after.store.has_value() &&
             (!after.store || number_in(look, "store", "epoch") == number_in(after, "store", "epoch"));
    });
    before = *oldest;
  }
  return busiest_between(before, after);
}

std::optional<PageLook> PageHistory::newest() const {
  MutexLock lock(mutex_);
  return looks_.empty() ? std::nullopt : std::optional(looks_.back());
}

}  // namespace ciaos::sidecar
