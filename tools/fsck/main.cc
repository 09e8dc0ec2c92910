// fsck.ciaos: command line and verdict.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <string>
#include <vector>

#include "tools/fsck/check.h"

namespace {

using namespace ciaos;
using namespace ciaos::fsck;

static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler sets it");
std::atomic<bool> cancelled{false};

struct Arguments {
  std::vector<std::string> stores;
  CheckOptions check;
  bool no = false;
  bool preen = false;
  bool yes = false;
  bool force = false;
  bool verbose = false;
  bool version = false;
  bool ignored = false;
  int progress_fd = -1;

  bool wants_repair() const { return preen || yes; }
};

constexpr const char* kFooter =
    "Exit code, ORed:\n"
    "   0  nothing is wrong\n"
    "   4  something is wrong and was left as it is\n"
    "   8  the check could not be made or finished: in use, not a store, a device refuses, no room for "
    "scratch\n"
    "  16  wrong usage\n"
    "  32  stopped by a signal\n"
    "\n"
    "Nothing on the store is written, whatever the options: this version finds and names, and repairs "
    "nothing. An\n"
    "index that is missing, behind or of another log needs no repair, the next mount brings it up to date.\n"
    "The rows that the log stands for are rebuilt in a scratch folder in $TMPDIR or /var/tmp, as large as "
    "the index.\n";

void declare(CLI::App& app, Arguments& arguments) {
  app.footer(kFooter);
  app.add_option("STORE", arguments.stores,
                 "Directory, device or image file; all of a store that has several")
      ->type_name("");
  auto* no = app.add_flag("-n", arguments.no, "Only check (this is what happens anyway)");
  auto* preen = app.add_flag("-p,-a", arguments.preen, "As at boot: quick unless -f, few words");
  auto* yes = app.add_flag("-y", arguments.yes, "Full check; there is no question yet to say yes to");
  no->excludes(preen)->excludes(yes);
  preen->excludes(yes);
  app.add_flag("-f", arguments.force, "Full check, even with -p");
  app.add_flag("-v", arguments.verbose, "Say what was counted");
  app.add_option("-C", arguments.progress_fd,
                 "Write \"pass current maximum store\" to this descriptor; 0: draw a bar")
      ->type_name("FD")
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--check-data", arguments.check.check_data, "Read and verify every payload, too");
  app.add_option("--index", arguments.check.index_directory,
                 "Where the store's index is, if not in its place")
      ->type_name("DIR");
  app.add_flag("-V", arguments.version, "Print the version and end");
  app.add_flag("-t,-r", arguments.ignored, "Accepted and ignored");
}

// Where each copy lacks even the magic there never was a store, and nothing is damaged.
bool holds_store(store::StoreDevice& device) {
  const auto copies = device.read_superblock_copies();
  return std::any_of(copies.begin(), copies.end(),
                     [](const auto& copy) { return copy.code() != ENODATA && copy.code() != ENOENT; });
}

Result<std::vector<std::unique_ptr<store::StoreDevice>>> open_devices(const std::vector<std::string>& paths) {
  std::vector<std::unique_ptr<store::StoreDevice>> devices;
  for (const std::string& path : paths) {
    devices.push_back(TRY(store::open_store_device(path, store::OpenAccess::read_only, 0)));
    if (!holds_store(*devices.back())) return fail(EINVAL, path + " holds no ciaosfs store");
  }
  return devices;
}

Progress make_progress(const Arguments& arguments) {
  const std::string& device = arguments.stores.front();
  if (arguments.progress_fd > 0) return {Progress::Style::lines, arguments.progress_fd, device, &cancelled};
  const bool bar = arguments.progress_fd == 0 && ::isatty(STDOUT_FILENO) != 0;
  return {bar ? Progress::Style::bar : Progress::Style::none, STDOUT_FILENO, device, &cancelled};
}

void print_totals(const CheckResult& result) {
  const CheckTotals& totals = result.totals;
  fmt::print("uuid {}, epoch {}, volumes of {} bytes\n", to_string(result.superblock.uuid),
             result.superblock.epoch.value(), result.superblock.volume_bytes);
  fmt::print("{:>12} batches replayed\n{:>12} inodes, {} of them directories\n{:>12} names\n", totals.batches,
             totals.inodes, totals.directories, totals.names);
  fmt::print("{:>12} extents\n{:>12} needles named\n{:>12} bytes stored\n{:>12} bytes verified\n",
             totals.extents, totals.needles, totals.stored_bytes, totals.verified_bytes);
}

int verdict(const Arguments& arguments, const CheckResult& result, const Report& report) {
  const std::string& store = arguments.stores.front();
  if (arguments.verbose) print_totals(result);
  if (report.errors() == 0) {
    fmt::print("{}: clean, {} inodes, {} bytes\n", store, result.totals.inodes, result.totals.stored_bytes);
    return kExitClean;
  }
  fmt::print("{}: {} problem{}{}\n", store, report.errors(), report.errors() == 1 ? "" : "s",
             report.fatal() ? ", and not all could be looked at" : "");
  if (arguments.wants_repair()) fmt::print("{}: nothing was changed: this version repairs nothing\n", store);
  return kExitUncorrected;
}

int check(Arguments& arguments) {
  arguments.check.quick = arguments.preen && !arguments.force && !arguments.check.check_data;
  arguments.check.headings = !arguments.preen;
  auto devices = open_devices(arguments.stores);
  if (!devices.ok()) {
    fmt::print(stderr, "fsck.ciaos: {}\n", to_string(devices.error()));
    return kExitOperational;
  }
  Report report([](const std::string& line) {
    fmt::print("{}\n", line);
    std::fflush(stdout);
  });
  Progress progress = make_progress(arguments);
  const auto result = run_check(std::move(*devices), arguments.check, report, progress);
  if (result.ok()) return verdict(arguments, *result, report);
  fmt::print(stderr, "fsck.ciaos: {}: the check did not come to its end: {}\n", arguments.stores.front(),
             to_string(result.error()));
  const int code = result.code() == ECANCELED ? kExitCancelled : kExitOperational;
  return code | (report.errors() > 0 ? kExitUncorrected : 0);
}

void stop_on_signals() {
  struct sigaction action {};
  action.sa_handler = [](int) { cancelled.store(true); };
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    Arguments arguments;
    CLI::App app("Checks a ciaosfs store. It must not be mounted for writing.", "fsck.ciaos");
    declare(app, arguments);
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      if (error.get_exit_code() == 0) return app.exit(error);  // --help
      fmt::print(stderr, "fsck.ciaos: {}; try --help\n", error.what());
      return kExitUsage;
    }
    if (arguments.version) {
      fmt::print("fsck.ciaos {}\n", CIAOS_VERSION);
      return kExitClean;
    }
    if (arguments.stores.empty()) {
      fmt::print(stderr, "fsck.ciaos: which store? Try --help\n");
      return kExitUsage;
    }
    stop_on_signals();
    return check(arguments);
  } catch (const std::exception& error) {
    fmt::print(stderr, "fsck.ciaos: {}\n", error.what());
    return kExitOperational;
  }
}
