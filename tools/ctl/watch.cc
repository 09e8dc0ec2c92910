// ciaosctl top, explain and metrics: what is going on now.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <thread>

#include "base/clock.h"
#include "rpc/operation_records.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/json.h"
#include "tools/ctl/processes.h"
#include "tools/ctl/verdict.h"

namespace ciaos::ctl {
namespace {

using rpc::Record;
using rpc::Records;

struct Sample {
  std::uint64_t at_ns = 0;
  Records records;  // of status and operations
};

Result<Sample> sample_of(rpc::Client& client) {
  Sample sample{.at_ns = monotonic_ns(), .records = TRY(ask_all(client, {.name = "status"}))};
  for (Record& record : TRY(ask_all(client, {.name = "operations"})))
    sample.records.push_back(std::move(record));
  return sample;
}

void wait_seconds(double seconds) {
  std::this_thread::sleep_for(std::chrono::microseconds(static_cast<std::int64_t>(seconds * 1e6)));
}

// What happened between two samples, an "operation" for each kind that anything came of.
Records operations_between(const Sample& before, const Sample& after) {
  const double seconds = static_cast<double>(after.at_ns - before.at_ns) / 1e9;
  Records operations;
  for (const Record& record : after.records) {
    if (record.kind != "operation") continue;
    OperationTotals then;
    for (const Record& earlier : before.records) {
      if (earlier.kind == "operation" && earlier.text("name") == record.text("name"))
        then = rpc::totals_of(earlier);
    }
    const OperationTotals totals = rpc::totals_of(record).since(then);
    if (totals.count() == 0) continue;
    const auto each_second = [&](std::uint64_t number) {
      return static_cast<std::uint64_t>(static_cast<double>(number) / seconds + 0.5);
    };
    operations.push_back(Record{"operation", {}}
                             .add("name", record.text("name"))
                             .add("count", totals.count())
                             .add("per_second", each_second(totals.count()))
                             .add("bytes_per_second", each_second(totals.bytes))
                             .add("mean_ns", totals.nanoseconds / totals.count())
                             .add("p50_ns", totals.percentile(0.5))
                             .add("p99_ns", totals.percentile(0.99))
                             .add("max_ns", totals.percentile(1)));
  }
  std::ranges::sort(operations, std::ranges::greater(),
                    [](const Record& record) { return record.number("per_second"); });
  return operations;
}

std::string top_text(const Records& operations, const Records& processes, double seconds) {
  Table by_operation({"OPERATION", "/S", "BYTES/S", "MEAN", "P50", "P99", "MAX"});
  for (const Record& operation : operations) {
    by_operation.add({operation.text("name"), std::to_string(operation.number("per_second")),
                      bytes_text(operation.number("bytes_per_second")),
                      duration_text(operation.number("mean_ns")), duration_text(operation.number("p50_ns")),
                      duration_text(operation.number("p99_ns")), duration_text(operation.number("max_ns"))});
  }
  Table by_process({"PROCESS", "/S", "BYTES/S", "WAITING", "COMMAND"});
  for (const Record& process : processes) {
    const auto each = [&](std::string_view field) {
      return static_cast<std::uint64_t>(static_cast<double>(process.number(field)) / seconds + 0.5);
    };
    by_process.add(
        {std::to_string(process.number("process")), std::to_string(each("count")), bytes_text(each("bytes")),
         fmt::format("{:.0f}%", static_cast<double>(process.number("nanoseconds")) / seconds / 1e7),
         shown(process.text("command"))});
  }
  return by_operation.text() + "\n" + by_process.text();
}

struct TopOptions {
  std::string place;
  double seconds = 2;
  std::uint64_t rounds = 0;
};

Result<int> run_top(const Ctl& ctl, const TopOptions& options) {
  const auto client = TRY(reach(options.place.empty() ? ctl.store : options.place));
  TRY_VOID(client->ask({.name = "processes"}));
  Sample before = TRY(sample_of(*client));
  // What is not looked at as it changes is a report: one round, unless more are asked for.
  const bool live = ctl.colours && !ctl.json;
  const std::uint64_t rounds = options.rounds != 0 ? options.rounds : live ? UINT64_MAX : 1;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    wait_seconds(options.seconds);
    Sample after = TRY(sample_of(*client));
    const Records operations = operations_between(before, after);
    const Records processes = by_process(TRY(ask_all(*client, {.name = "processes"})));
    if (ctl.json) {
      Records all = operations;
      all.insert(all.end(), processes.begin(), processes.end());
      print(json_by_kind(all, {{"operation", "operations"}, {"process", "processes"}}) + "\n");
    } else {
      const double seconds = static_cast<double>(after.at_ns - before.at_ns) / 1e9;
      print((live ? "\x1b[H\x1b[2J" : "") + top_text(operations, processes, seconds));
    }
    std::fflush(stdout);
    before = std::move(after);
  }
  return kExitOk;
}

struct ExplainOptions {
  std::string what;  // PID or PATH
  double seconds = 3;
};

// Only the requests of one process: of what all of them took, its share.
void keep_process(Work& work, const Records& processes, std::uint64_t pid) {
  std::uint64_t count = 0;
  std::uint64_t nanoseconds = 0;
  std::uint64_t all_ns = 0;
  for (const Record& process : processes) {
    all_ns += process.number("nanoseconds");
    if (process.number("process") != pid) continue;
    count += process.number("count");
    nanoseconds += process.number("nanoseconds");
  }
  const double share = all_ns == 0 ? 0 : static_cast<double>(nanoseconds) / static_cast<double>(all_ns);
  work.requests = count;
  work.request_ns = nanoseconds;
  for (std::uint64_t* part : {&work.read_ns, &work.write_ns, &work.sync_ns, &work.device_ns, &work.verify_ns,
                              &work.index_ns, &work.device_reads, &work.index_reads})
    *part = static_cast<std::uint64_t>(static_cast<double>(*part) * share);
}

Result<int> run_explain(const Ctl& ctl, const ExplainOptions& options) {
  const std::uint64_t pid = process_named(options.what);
  std::string place = ctl.store;
  if (pid != 0 && place.empty()) place = mount_used_by(pid);
  if (pid == 0 && !options.what.empty()) place = options.what;
  const auto client = TRY(reach(place));
  TRY_VOID(client->ask({.name = "processes"}));
  const Sample before = TRY(sample_of(*client));
  const std::uint64_t cpu_before = pid == 0 ? 0 : cpu_ns_of(pid);
  wait_seconds(options.seconds);
  const Sample after = TRY(sample_of(*client));
  Work work = work_between(before.records, after.records, after.at_ns - before.at_ns);
  const Records processes = by_process(TRY(ask_all(*client, {.name = "processes"})));
  if (pid != 0) {
    keep_process(work, processes, pid);
    work.job_cpu_ns = cpu_ns_of(pid) - std::min(cpu_ns_of(pid), cpu_before);
  }
  const Verdict verdict = verdict_on(work);
  if (ctl.json) {
    Records out = {Record{"verdict", {}}
                       .add("bottleneck", std::string(name_of(verdict.bottleneck)))
                       .add("sentence", verdict.sentence)
                       .add("requests", work.requests)
                       .add("wall_ns", work.wall_ns)
                       .add("request_ns", work.request_ns)};
    for (const Part& part : verdict.parts)
      out.push_back(Record{"part", {}}
                        .add("name", part.name)
                        .add("permille", static_cast<std::uint64_t>(1000 * part.share + 0.5)));
    print(json_by_kind(out, {{"part", "parts"}}) + "\n");
    return kExitOk;
  }
  print(verdict.sentence + "\n");
  for (const Part& part : verdict.parts) print(fmt::format("  {:>4.0f}%  {}\n", 100 * part.share, part.name));
  return kExitOk;
}

Result<int> run_metrics(const Ctl& ctl, const std::string& place) {
  const auto client = TRY(reach(place.empty() ? ctl.store : place));
  const rpc::Answer answer = TRY(client->ask({.name = "metrics"}));
  print(ctl.json ? json_of(Record{"metrics", {}}.add("text", answer.text)) + "\n" : answer.text);
  return kExitOk;
}

void add_seconds(CLI::App& verb, double& seconds, const char* what) {
  verb.add_option("--seconds", seconds, what)->type_name("N")->check(CLI::Range(0.1, 3600.0));
}

}  // namespace

void add_watch(CLI::App& app, Ctl& ctl) {
  auto* top = app.add_subcommand("top", "Operations and latencies, by kind and by process, as they happen");
  auto options = std::make_shared<TopOptions>();
  top->add_option("STORE", options->place, "A store's path, its mount point, or a daemon's socket")
      ->type_name("");
  add_seconds(*top, options->seconds, "Time between two looks, 2 if it is not said");
  top->add_option("--rounds", options->rounds, "How many times; where it is no terminal, 1 if it is not said")
      ->type_name("N");
  top->callback([&ctl, options] { ctl.run = [&ctl, options] { return run_top(ctl, *options); }; });

  auto* explain = app.add_subcommand("explain", "Where the time goes, and what holds a job up");
  auto asked = std::make_shared<ExplainOptions>();
  explain->add_option("PID|PATH", asked->what, "A process, or something on a mount, for all that use it")
      ->type_name("");
  add_seconds(*explain, asked->seconds, "How long to look, 3 if it is not said");
  explain->callback([&ctl, asked] { ctl.run = [&ctl, asked] { return run_explain(ctl, *asked); }; });

  auto* metrics = app.add_subcommand("metrics", "The daemon's numbers as Prometheus reads them");
  auto place = std::make_shared<std::string>();
  metrics->add_option("STORE", *place, "A store's path, its mount point, or a daemon's socket")
      ->type_name("");
  metrics->callback([&ctl, place] { ctl.run = [&ctl, place] { return run_metrics(ctl, *place); }; });
}

}  // namespace ciaos::ctl
