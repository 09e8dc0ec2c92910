// fsck.ciaos: command line and verdict.
#include <fmt/format.h>
#include <grp.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "base/process_start.h"
#include "tools/fsck/check.h"
#include "tools/fsck/options.h"
#include "tools/fsck/salvage.h"

namespace {

using namespace ciaos;
using namespace ciaos::fsck;

static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler sets it");
std::atomic<bool> cancelled{false};

// Long enough for udev, which locks a disk while it looks at it, and for a daemon that is just ending.
constexpr std::uint64_t kLockWaitMs = 1000;

// Where each copy lacks even the magic there never was a store, and nothing is damaged.
bool holds_store(store::StoreDevice& device) {
  const auto copies = device.read_superblock_copies();
  return std::any_of(copies.begin(), copies.end(),
                     [](const auto& copy) { return copy.code() != ENODATA && copy.code() != ENOENT; });
}

// A store that was named in part, or mixed with another, is no damaged one.
Status check_all_named(const std::vector<std::unique_ptr<store::StoreDevice>>& devices) {
  std::optional<store::Superblock> first;
  for (const auto& device : devices) {
    const Result<store::Superblock> superblock = device->read_superblock();
    if (!superblock.ok()) return {};  // pass 1 says what is wrong with it
    if (!first) first = *superblock;
    if (superblock->uuid != first->uuid) {
      return fail(EXDEV, fmt::format("{} is of store {}, {} of store {}; name all devices of one store",
                                     devices.front()->name(), to_string(first->uuid), device->name(),
                                     to_string(superblock->uuid)));
    }
  }
  if (first && first->device_count != devices.size()) {
    return fail(ENXIO,
                fmt::format("store {} has {} devices, and {} were named; name all devices of one store",
                            to_string(first->uuid), first->device_count, devices.size()));
  }
  return {};
}

Result<std::vector<std::unique_ptr<store::StoreDevice>>> open_devices(const std::vector<std::string>& paths,
                                                                      store::OpenAccess access) {
  std::vector<std::unique_ptr<store::StoreDevice>> devices;
  for (const std::string& path : paths) {
    devices.push_back(TRY(store::open_store_device(path, access, kLockWaitMs)));
    if (!holds_store(*devices.back())) return fail(EINVAL, path + " holds no ciaosfs store");
  }
  TRY_VOID(check_all_named(devices));
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
  if (result.index_rebuilt) fmt::print("{}: the index was built anew\n", store);
  if (result.corrected > 0)
    fmt::print("{}: {} problem{} corrected\n", store, result.corrected, result.corrected == 1 ? "" : "s");
  if (result.left > 0) {
    fmt::print("{}: {} problem{}{}\n", store, result.left, result.left == 1 ? "" : "s",
               report.fatal() ? ", and not all could be looked at" : "");
    if (arguments.preen)
      fmt::print("{}: UNEXPECTED INCONSISTENCY; RUN fsck.ciaos MANUALLY (without -p)\n", store);
    if (report.fatal()) fmt::print("{}: --salvage copies out what can still be read\n", store);
  } else {
    fmt::print("{}: clean, {} inodes, {} bytes\n", store, result.totals.inodes, result.totals.stored_bytes);
  }
  return (result.corrected > 0 ? kExitCorrected : 0) | (result.left > 0 ? kExitUncorrected : 0);
}

int end_without_result(const Arguments& arguments, const Error& error, const Report& report) {
  fmt::print(stderr, "fsck.ciaos: {}: it did not come to its end: {}\n", arguments.stores.front(),
             to_string(error));
  const int code = error.code == ECANCELED ? kExitCancelled : kExitOperational;
  return code | (report.errors() > 0 ? kExitUncorrected : 0);
}

int copy_out(const Arguments& arguments, std::vector<std::unique_ptr<store::StoreDevice>> devices,
             Report& report, Progress& progress) {
  const auto result =
      run_salvage(std::move(devices), arguments.check, report, progress, arguments.salvage_into);
  if (!result.ok()) return end_without_result(arguments, result.error(), report);
  fmt::print("{}: {} directories, {} files, {} bytes of contents copied to {}\n", arguments.stores.front(),
             result->directories, result->files, result->bytes, arguments.salvage_into);
  if (result->without_row > 0)
    fmt::print("{}: {} needles behind the break went into lost+found\n", arguments.stores.front(),
               result->without_row);
  if (result->lost > 0) fmt::print("{}: {} pieces are lost\n", arguments.stores.front(), result->lost);
  return result->lost > 0 || report.errors() > 0 ? kExitUncorrected : kExitClean;
}

// "a": yes to this and to all that follow. The end of the input is a no.
bool ask_on_terminal(const std::string& question) {
  static bool all = false;
  if (all) return true;
  for (;;) {
    fmt::print("{} (y/n/a)? ", question);
    std::fflush(stdout);
    std::string answer;
    if (cancelled.load() || !std::getline(std::cin, answer)) return false;
    if (answer == "a" || answer == "A") all = true;
    if (all || answer == "y" || answer == "Y") return true;
    if (answer == "n" || answer == "N") return false;
  }
}

// None: nothing is written.
std::optional<Answers> answers_for(const Arguments& arguments) {
  if (!arguments.salvage_into.empty()) return std::nullopt;
  if (arguments.preen) return Answers(Answers::Mode::preen, false);
  if (arguments.yes) return Answers(Answers::Mode::yes, arguments.cut_lost);
  const bool terminal = ::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0;
  if (!arguments.no && !terminal && arguments.check.rebuild_index) return Answers(Answers::Mode::no, false);
  if (arguments.no || !terminal) return std::nullopt;
  return Answers(Answers::Mode::ask, arguments.cut_lost, ask_on_terminal);
}

// A store in somebody's folder is his: what root's repair makes there, an index or a volume, has to be his too.
Status become_owner_of(const std::string& store) {
  struct stat folder {};
  if (::geteuid() != 0 || ::stat(store.c_str(), &folder) != 0) return {};
  if (!S_ISDIR(folder.st_mode) || folder.st_uid == 0) return {};
  if (::setgroups(0, nullptr) != 0 || ::setegid(folder.st_gid) != 0 || ::seteuid(folder.st_uid) != 0)
    return fail(errno, "becoming the owner of " + store);
  return {};
}

Result<std::vector<std::unique_ptr<store::StoreDevice>>> open_for(const Arguments& arguments, bool writing) {
  if (!writing) return open_devices(arguments.stores, store::OpenAccess::read_only);
  TRY_VOID(become_owner_of(arguments.stores.front()));
  return open_devices(arguments.stores, store::OpenAccess::read_write);
}

int check(Arguments& arguments) {
  const std::optional<Answers> answers = answers_for(arguments);
  arguments.check.quick = arguments.preen && !arguments.force && !arguments.check.check_data;
  arguments.check.headings = !arguments.preen;
  auto devices = open_for(arguments, answers.has_value());
  if (!devices.ok()) {
    fmt::print(stderr, "fsck.ciaos: {}\n", to_string(devices.error()));
    return kExitOperational;
  }
  Report report([](const std::string& line) {
    fmt::print("{}\n", line);
    std::fflush(stdout);
  });
  Progress progress = make_progress(arguments);
  if (!arguments.salvage_into.empty()) return copy_out(arguments, std::move(*devices), report, progress);
  const auto result =
      run_check(std::move(*devices), arguments.check, report, progress, answers ? &*answers : nullptr);
  if (result.ok()) return verdict(arguments, *result, report);
  return end_without_result(arguments, result.error(), report);
}

void stop_on_signals() {
  struct sigaction action {};
  action.sa_handler = [](int) { cancelled.store(true); };
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  prepare_process();
  try {
    Arguments arguments;
    CLI::App app("Checks and repairs a ciaosfs store, which must not be mounted.", "fsck.ciaos");
    declare_options(app, arguments);
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
    if (const Status usable = check_usage(arguments); !usable.ok()) {
      fmt::print(stderr, "fsck.ciaos: {}; try --help\n", usable.error().context);
      return kExitUsage;
    }
    stop_on_signals();
    return check(arguments);
  } catch (const std::exception& error) {
    fmt::print(stderr, "fsck.ciaos: {}\n", error.what());
    return kExitOperational;
  }
}
