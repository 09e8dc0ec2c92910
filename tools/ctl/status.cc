// ciaosctl status: how a store is, on one screen.
#include <fmt/format.h>

#include "base/clock.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/json.h"

namespace ciaos::ctl {
namespace {

using rpc::Record;
using rpc::Records;

class Facts {
 public:
  explicit Facts(bool colours) : colours_(colours) {}
  void add(std::string_view label, const std::string& text, Colour colour = Colour::none) {
    text_ += fmt::format("{} {}\n", coloured(fmt::format("{:<9}", label), Colour::faint, colours_),
                         coloured(text, colour, colours_));
  }
  const std::string& text() const { return text_; }

 private:
  const bool colours_;
  std::string text_;
};

std::string each(std::uint64_t nanoseconds, std::uint64_t count) {
  return count == 0 ? "" : fmt::format(", {} each", duration_text(nanoseconds / count));
}

void add_health(Facts& facts, const Record& health) {
  const std::string state = health.text("state");
  if (state == "failed") {
    facts.add("health", "takes no more changes: " + shown(health.text("failure")), Colour::bad);
  } else if (state == "damaged") {
    facts.add("health",
              fmt::format("{} damaged places in files, see .ciaos/damaged", health.number("damaged")),
              Colour::bad);
  } else {
    facts.add("health", state, Colour::good);
  }
}

void add_mount(Facts& facts, const Record& daemon) {
  const std::string mountpoint = daemon.text("mountpoint");
  const auto now = static_cast<std::uint64_t>(SystemClock().now().seconds);
  const std::uint64_t age = now - std::min(now, daemon.number("began"));
  facts.add("daemon",
            fmt::format("process {}, for {}", daemon.number("pid"), duration_text(age * 1'000'000'000)));
  facts.add("mount", mountpoint.empty()
                         ? std::string("none, for programs only")
                         : fmt::format("{}, requests by {}", shown(mountpoint), daemon.text("transport")));
}

void add_space(Facts& facts, const Record& space) {
  facts.add("space", fmt::format("{} of {} free", bytes_text(space.number("free_bytes")),
                                 bytes_text(space.number("total_bytes"))));
  facts.add("volumes",
            fmt::format("{} of {}: {} live, {} garbage, {} held", space.number("volumes"),
                        bytes_text(space.number("volume_bytes")), bytes_text(space.number("live_bytes")),
                        bytes_text(space.number("garbage_bytes")), bytes_text(space.number("held_bytes"))));
}

void add_rest(Facts& facts, const Records& records) {
  const Record none;
  const auto of = [&](std::string_view kind) -> const Record& {
    const Record* found = find_kind(records, kind);
    return found == nullptr ? none : *found;
  };
  const Record& log = of("log");
  facts.add("log",
            fmt::format("batch {} durable, {} in the index; {} commits, {} syncs{}",
                        log.number("durable_batch"), log.number("applied_batch"), log.number("commits"),
                        log.number("syncs"), each(log.number("sync_ns"), log.number("commits"))));
  const Record& caches = of("caches");
  facts.add("caches", fmt::format("{} inodes, {} with names; {} written and in no volume yet",
                                  caches.number("inodes"), bytes_text(caches.number("inode_and_name_bytes")),
                                  bytes_text(caches.number("dirty_bytes"))));
  facts.add("index", fmt::format("{} reads{}; {} of WAL", caches.number("index_reads"),
                                 each(caches.number("index_read_ns"), caches.number("index_reads")),
                                 bytes_text(log.number("index_wal_bytes"))));
  const Record& reads = of("reads");
  facts.add("reads", fmt::format("{} of devices, {}{}", reads.number("device_reads"),
                                 bytes_text(reads.number("device_read_bytes")),
                                 each(reads.number("device_read_ns"), reads.number("device_reads"))));
  const Record& upkeep = of("upkeep");
  facts.add("scrub",
            fmt::format("{} rounds, {} read, {} repairs", upkeep.number("scrub_rounds"),
                        bytes_text(upkeep.number("scrub_read_bytes")), upkeep.number("scrub_repairs")));
  facts.add("compact", fmt::format("{} volumes emptied, {} moved, {} punched",
                                   upkeep.number("volumes_emptied"), bytes_text(upkeep.number("moved_bytes")),
                                   bytes_text(upkeep.number("punched_bytes"))));
  const Record& daemon = of("daemon");
  const bool told = daemon.find("opens_are_told") == nullptr || daemon.truth("opens_are_told");
  facts.add("files", fmt::format("{}, {}", of("space").number("inodes"),
                                 told ? fmt::format("{} open", caches.number("open_files"))
                                      : std::string("opened without telling the daemon")));
  if (const std::uint64_t twins = caches.number("twins") + caches.number("twins_begun"); twins > 0)
    facts.add("passed", fmt::format("{} open; {} files of {} may be, {} are being verified",
                                    daemon.number("passed_files"), caches.number("twins"),
                                    bytes_text(caches.number("twin_bytes")), caches.number("twins_begun")));
}

std::string status_text(const Records& records, bool colours) {
  Facts facts(colours);
  if (const Record* store = find_kind(records, "store")) {
    const std::string label = store->text("label");
    facts.add("store", fmt::format("{}{}, {}, epoch {}, ciaosfs {}", shown(store->text("devices")),
                                   label.empty() ? "" : " \"" + shown(label) + "\"",
                                   store->truth("read_only") ? "read-only" : "read-write",
                                   store->number("epoch"), store->text("version")));
    facts.add("uuid", store->text("uuid"));
  }
  if (const Record* health = find_kind(records, "health")) add_health(facts, *health);
  if (const Record* daemon = find_kind(records, "daemon")) add_mount(facts, *daemon);
  if (const Record* space = find_kind(records, "space")) add_space(facts, *space);
  add_rest(facts, records);
  return facts.text();
}

Result<int> run_status(const Ctl& ctl, const std::string& place) {
  const auto client = TRY(reach(place.empty() ? ctl.store : place));
  const Records records = TRY(ask_all(*client, {.name = "status"}));
  print(ctl.json ? json_by_kind(records) + "\n" : status_text(records, ctl.colours));
  const Record* health = find_kind(records, "health");
  return health != nullptr && health->text("state") == "ok" ? kExitOk : kExitUnhealthy;
}

}  // namespace

void add_status(CLI::App& app, Ctl& ctl) {
  auto* verb = app.add_subcommand("status", "How a store is: space, log, caches, health");
  auto place = std::make_shared<std::string>();
  verb->add_option("STORE", *place, "A store's path, its mount point, or a daemon's socket")->type_name("");
  verb->callback([&ctl, place] { ctl.run = [&ctl, place] { return run_status(ctl, *place); }; });
}

}  // namespace ciaos::ctl
