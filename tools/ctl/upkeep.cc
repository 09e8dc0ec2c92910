// ciaosctl compact, scrub and snapshot-index: what the daemon does by itself, at once and to its end.
#include <fmt/format.h>

#include "tools/ctl/ctl.h"
#include "tools/ctl/json.h"
#include "tools/ctl/progress.h"

namespace ciaos::ctl {
namespace {

using rpc::Record;

constexpr std::uint64_t kStepsPerVolume = 4;

Result<rpc::Records> status_of(rpc::Client& client) { return ask_all(client, {.name = "status"}); }

std::uint64_t number_in(const rpc::Records& records, std::string_view kind, std::string_view field) {
  const Record* record = find_kind(records, kind);
  return record == nullptr ? 0 : record->number(field);
}

void print_done(const Ctl& ctl, const Record& done, const std::string& text) {
  print(ctl.json ? json_of(done) + "\n" : text + "\n");
}

Result<int> run_compact(const Ctl& ctl, bool all) {
  const auto client = TRY(reach(ctl.store));
  const auto before = TRY(status_of(*client));
  rpc::Question question{.name = "compact"};
  question.arguments.add_truth("all", all);
  Progress progress(ctl.bars, "compacting");
  auto now = before;
  const auto since = [&](std::string_view field) {
    return number_in(now, "upkeep", field) - number_in(before, "upkeep", field);
  };
  const std::uint64_t garbage = number_in(before, "space", "garbage_bytes");
  // Each step empties a volume, so this many are enough; under load there is always something more to gain.
  std::uint64_t steps_left = kStepsPerVolume * (number_in(before, "space", "volumes") + 1);
  for (bool more = true; more && steps_left > 0; --steps_left) {
    more = TRY(client->ask(question)).more;
    now = TRY(status_of(*client));
    const std::uint64_t left = std::min(garbage, number_in(now, "space", "garbage_bytes"));
    progress.show(garbage - left, garbage, bytes_text(since("moved_bytes")) + " moved");
  }
  progress.clear();
  const Record done = Record{"compact", {}}
                          .add("volumes_emptied", since("volumes_emptied"))
                          .add("moved_bytes", since("moved_bytes"))
                          .add("punched_bytes", since("punched_bytes"))
                          .add("garbage_bytes", number_in(now, "space", "garbage_bytes"));
  print_done(ctl, done,
             fmt::format("{} volumes emptied, {} moved, {} punched; {} garbage is left",
                         done.number("volumes_emptied"), bytes_text(done.number("moved_bytes")),
                         bytes_text(done.number("punched_bytes")), bytes_text(done.number("garbage_bytes"))));
  return kExitOk;
}

Result<int> run_scrub(const Ctl& ctl) {
  const auto client = TRY(reach(ctl.store));
  const auto before = TRY(status_of(*client));
  const std::uint64_t whole = number_in(before, "space", "live_bytes");
  Progress progress(ctl.bars, "scrubbing");
  auto now = before;
  const auto since = [&](std::string_view field) {
    return number_in(now, "upkeep", field) - number_in(before, "upkeep", field);
  };
  for (bool more = true; more;) {
    more = TRY(client->ask({.name = "scrub"})).more;
    now = TRY(status_of(*client));
    progress.show(since("scrub_read_bytes"), whole, bytes_text(since("scrub_read_bytes")));
  }
  progress.clear();
  const std::uint64_t damaged = number_in(now, "health", "damaged");
  const Record done = Record{"scrub", {}}
                          .add("read_bytes", since("scrub_read_bytes"))
                          .add("repairs", since("scrub_repairs"))
                          .add("damaged", damaged);
  print_done(
      ctl, done,
      fmt::format("{} read, {} repairs; {}", bytes_text(done.number("read_bytes")), done.number("repairs"),
                  damaged == 0 ? std::string("nothing is damaged")
                               : fmt::format("{} damaged places, see .ciaos/damaged", damaged)));
  return damaged == 0 ? kExitOk : kExitUnhealthy;
}

Result<int> run_snapshot(const Ctl& ctl) {
  const auto client = TRY(reach(ctl.store));
  TRY_VOID(client->ask({.name = "snapshot"}));
  const auto now = TRY(status_of(*client));
  const Record done = Record{"snapshot", {}}.add("applied_batch", number_in(now, "log", "applied_batch"));
  print_done(ctl, done,
             fmt::format("the volumes hold a snapshot of the index as of batch {} or later",
                         done.number("applied_batch")));
  return kExitOk;
}

}  // namespace

void add_upkeep(CLI::App& app, Ctl& ctl) {
  auto* compact = app.add_subcommand("compact", "Gives back the space of garbage, as fast as it goes");
  auto all = std::make_shared<bool>(false);
  compact->add_flag("--all", *all, "Also where it costs more moving than it gives back");
  compact->callback([&ctl, all] { ctl.run = [&ctl, all] { return run_compact(ctl, *all); }; });
  auto* scrub = app.add_subcommand("scrub", "Reads everything in sealed volumes and reports damage");
  scrub->callback([&ctl] { ctl.run = [&ctl] { return run_scrub(ctl); }; });
  auto* snapshot = app.add_subcommand("snapshot-index", "Writes a snapshot of the index into the volumes");
  snapshot->callback([&ctl] { ctl.run = [&ctl] { return run_snapshot(ctl); }; });
}

}  // namespace ciaos::ctl
