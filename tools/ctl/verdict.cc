#include "tools/ctl/verdict.h"

#include <fmt/format.h>

#include <algorithm>

#include "rpc/operation_records.h"
#include "tools/ctl/text.h"

namespace ciaos::ctl {
namespace {

// A part that takes this much of the time is what holds the job up.
constexpr double kMuch = 0.4;
// Below this many requests at a time the daemon mostly waits for the job.
constexpr double kMostlyIdle = 0.35;
// Up to this many there is in truth one at a time; read-ahead makes it a little more.
constexpr double kOneAtATime = 1.6;
// A device that takes longer for one small read is slow whoever asks: a disk that seeks takes about ten milliseconds.
constexpr std::uint64_t kSlowReadNs = 4'000'000;
// A cache that has used this much of its room lets go what will be asked for again.
constexpr double kFull = 0.7;

double ratio(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::uint64_t mean(std::uint64_t nanoseconds, std::uint64_t count) {
  return count == 0 ? 0 : nanoseconds / count;
}

const rpc::Record& section(const rpc::Records& records, std::string_view kind) {
  static const rpc::Record none;
  const auto found = std::ranges::find(records, kind, &rpc::Record::kind);
  return found == records.end() ? none : *found;
}

std::uint64_t grown(const rpc::Records& before, const rpc::Records& after, std::string_view kind,
                    std::string_view field) {
  const std::uint64_t then = section(before, kind).number(field);
  const std::uint64_t now = section(after, kind).number(field);
  return now - std::min(now, then);
}

// What requests spent their time on; `rest` is the daemon's own work: copying, bookkeeping, waiting for locks and processors.
struct Spent {
  double device = 0;
  double verify = 0;
  double index = 0;
  double sync = 0;
  double rest = 0;
};

Spent spent_by(const Work& work) {
  // The scrubber and the compactor read, too: of what was read no more is the job's than its requests took.
  const std::uint64_t others = work.request_ns - std::min(work.request_ns, work.sync_ns);
  const std::uint64_t known = work.device_ns + work.verify_ns + work.index_ns;
  const double scale = known > others ? ratio(others, known) : 1.0;
  const auto part = [&](std::uint64_t nanoseconds) { return scale * ratio(nanoseconds, work.request_ns); };
  Spent spent{.device = part(work.device_ns),
              .verify = part(work.verify_ns),
              .index = part(work.index_ns),
              .sync = std::min(1.0, ratio(work.sync_ns, work.request_ns))};
  spent.rest = std::max(0.0, 1 - spent.device - spent.verify - spent.index - spent.sync);
  return spent;
}

std::vector<Part> parts_of(const Spent& spent, double busy) {
  std::vector<Part> parts;
  const auto add = [&](const char* name, double share) {
    if (share >= 0.005) parts.push_back({name, share});
  };
  add("waiting for the next request", 1 - busy);
  add("device", busy * spent.device);
  add("checksums", busy * spent.verify);
  add("index", busy * spent.index);
  add("syncs", busy * spent.sync);
  add("daemon", busy * spent.rest);
  std::ranges::sort(parts, std::ranges::greater(), &Part::share);
  return parts;
}

std::string device_sentence(const Work& work) {
  return fmt::format("{} reads of the device, {} each, {:.1f} at a time", work.device_reads,
                     duration_text(mean(work.device_ns, work.device_reads)), work.concurrency());
}

void judge_device(const Work& work, Verdict& verdict) {
  const std::uint64_t each = mean(work.device_ns, work.device_reads);
  if (each >= kSlowReadNs) {
    verdict.bottleneck = Bottleneck::device;
    verdict.sentence = "The device is slow: " + device_sentence(work) + ".";
  } else if (work.concurrency() < kOneAtATime) {
    verdict.bottleneck = Bottleneck::one_at_a_time;
    verdict.sentence = fmt::format(
        "The job asks for one thing at a time and waits for the device: {}; more readers at once would use "
        "it "
        "better.",
        device_sentence(work));
  } else {
    verdict.bottleneck = Bottleneck::device;
    verdict.sentence = "The device is busy: " + device_sentence(work) + ".";
  }
}

void judge_index(const Work& work, Verdict& verdict) {
  const bool full = ratio(work.cache_bytes, work.cache_bytes_max) >= kFull;
  const std::string asked = fmt::format("{} questions went to the index, {} each", work.index_reads,
                                        duration_text(mean(work.index_ns, work.index_reads)));
  verdict.bottleneck = full ? Bottleneck::small_cache : Bottleneck::index;
  verdict.sentence =
      full ? fmt::format(
                 "The cache of inodes and names is too small: {}, though {} of {} are in use; give "
                 "the mount more with mem=.",
                 asked, bytes_text(work.cache_bytes), bytes_text(work.cache_bytes_max))
           : fmt::format("Names and attributes are met for the first time: {}.", asked);
}

}  // namespace

double Work::concurrency() const { return ratio(request_ns, wall_ns); }

Work work_between(const rpc::Records& before, const rpc::Records& after, std::uint64_t wall_ns) {
  Work work{.wall_ns = wall_ns};
  for (const rpc::Record& record : after) {
    if (record.kind != "operation") continue;
    OperationTotals then;
    for (const rpc::Record& earlier : before) {
      if (earlier.kind == "operation" && earlier.text("name") == record.text("name"))
        then = rpc::totals_of(earlier);
    }
    const OperationTotals totals = rpc::totals_of(record).since(then);
    const std::string name = record.text("name");
    work.requests += totals.count();
    work.request_ns += totals.nanoseconds;
    work.bytes += totals.bytes;
    if (name == "read") {
      work.read_ns += totals.nanoseconds;
      work.reads += totals.count();
    }
    if (name == "write") work.write_ns += totals.nanoseconds;
    if (name == "fsync" || name == "fsyncdir") work.sync_ns += totals.nanoseconds;
  }
  work.device_reads = grown(before, after, "reads", "device_reads");
  work.device_ns = grown(before, after, "reads", "device_read_ns");
  work.verify_ns = grown(before, after, "reads", "verify_ns");
  work.index_reads = grown(before, after, "caches", "index_reads");
  work.index_ns = grown(before, after, "caches", "index_read_ns");
  work.commits = grown(before, after, "log", "commits");
  work.cache_bytes = section(after, "caches").number("inode_and_name_bytes");
  work.cache_bytes_max = section(after, "caches").number("inode_and_name_bytes_max");
  return work;
}

Verdict verdict_on(const Work& work) {
  Verdict verdict;
  if (work.requests == 0) {
    verdict.sentence = "No request came: what is used is in the kernel's page cache, or nothing is used.";
    verdict.parts = {{"waiting for the next request", 1.0}};
    return verdict;
  }
  const double busy = std::min(1.0, work.concurrency());
  const Spent spent = spent_by(work);
  verdict.parts = parts_of(spent, busy);
  if (busy < kMostlyIdle) {
    verdict.bottleneck = Bottleneck::job;
    verdict.sentence =
        fmt::format("The job itself: for {:.0f}% of the time no request was there.", 100 * (1 - busy));
    if (work.job_cpu_ns > 0)
      verdict.sentence +=
          fmt::format(" It used {:.1f} processors meanwhile.", ratio(work.job_cpu_ns, work.wall_ns));
  } else if (spent.sync >= kMuch) {
    verdict.bottleneck = Bottleneck::sync;
    verdict.sentence = fmt::format(
        "Waiting for stable storage: {:.0f}% of the time of requests is fsync, in {} commits, {:.1f} "
        "requests at a "
        "time; fewer fsyncs, or more at once, share one sync.",
        100 * spent.sync, work.commits, work.concurrency());
  } else if (spent.device >= kMuch) {
    judge_device(work, verdict);
  } else if (spent.index >= kMuch) {
    judge_index(work, verdict);
  } else if (spent.verify >= kMuch) {
    verdict.bottleneck = Bottleneck::checksum;
    verdict.sentence = "Checksums: the device is faster than they can be compared.";
  } else {
    verdict.bottleneck = Bottleneck::daemon;
    verdict.sentence = fmt::format(
        "The daemon's own work, and its wait for processors: {} requests, {} each, {:.1f} at a time.",
        work.requests, duration_text(mean(work.request_ns, work.requests)), work.concurrency());
  }
  return verdict;
}

const char* name_of(Bottleneck bottleneck) {
  switch (bottleneck) {
    case Bottleneck::nothing: return "nothing";
    case Bottleneck::job: return "job";
    case Bottleneck::one_at_a_time: return "one-at-a-time";
    case Bottleneck::device: return "device";
    case Bottleneck::index: return "index";
    case Bottleneck::small_cache: return "small-cache";
    case Bottleneck::sync: return "sync";
    case Bottleneck::checksum: return "checksum";
    case Bottleneck::daemon: return "daemon";
  }
  return "nothing";
}

}  // namespace ciaos::ctl
