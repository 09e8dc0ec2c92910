// mkfs.ciaos: command line, and what it says.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/process_start.h"
#include "tools/mkfs/make.h"

namespace {

using namespace ciaos;
using namespace ciaos::mkfs;

constexpr int kExitOk = 0;
constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

struct Arguments {
  MakeOptions make;
  std::string uuid;
  std::string volume_size;
  bool dry_run = false;
  bool quiet = false;
  bool version = false;
};

constexpr const char* kFooter =
    "A STORE is a directory (best on XFS; made if its parent exists), a block device, partition or loop "
    "device, or an\n"
    "image file that has its size already. Several make one store, and are named together at every mount.\n"
    "\n"
    "What holds a filesystem, a partition table, a store or files is refused without -f. What is mounted or "
    "open is\n"
    "refused always. A refusal changes nothing.\n"
    "\n"
    "With -U and SOURCE_DATE_EPOCH in the environment, the same arguments write the same bytes to an empty "
    "image.\n"
    "\n"
    "Exit code: 0 the store is made (or could be, with -n), 1 it was refused or failed, 2 wrong usage.\n";

void declare(CLI::App& app, Arguments& arguments) {
  app.footer(kFooter);
  app.add_option("STORE", arguments.make.stores, "What the store is made of")->type_name("");
  app.add_option("-L", arguments.make.label, "Label, at most 64 bytes")->type_name("LABEL");
  app.add_option("-U", arguments.uuid, "UUID of the store instead of a random one")->type_name("UUID");
  app.add_flag("-f", arguments.make.force, "Overwrite what is there");
  app.add_flag("-n", arguments.dry_run, "Show what would be done, and write nothing");
  app.add_flag("-q", arguments.quiet, "Print nothing but errors");
  app.add_flag("-V", arguments.version, "Print the version and end");
  app.add_option("--volume-size", arguments.volume_size,
                 "Bytes of a volume, a power of two from 1M to 1T; K, M, G, T")
      ->type_name("N[K|M|G|T]");
  app.add_option("--index", arguments.make.index_path,
                 "Where the index will be, instead of the default place")
      ->type_name("DIR");
}

Result<std::uint64_t> parse_size(std::string_view text) {
  const Error bad = fail(EINVAL, fmt::format("\"{}\" is no size; write a number and K, M, G or T", text));
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (error != std::errc() || number == 0 || unit.size() > 1) return bad;
  if (unit.empty()) return number;
  const std::size_t power = std::string_view("KMGT").find(static_cast<char>(unit.front() & ~0x20));
  if (power == std::string_view::npos) return bad;
  const std::size_t shift = 10 * (power + 1);
  if (number > (std::numeric_limits<std::uint64_t>::max() >> shift)) return bad;
  return number << shift;
}

Result<std::int64_t> creation_time() {
  const char* text = std::getenv("SOURCE_DATE_EPOCH");  // NOLINT(concurrency-mt-unsafe): no threads yet
  if (text == nullptr) return SystemClock().now().seconds;
  const std::string_view digits(text);
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
  if (error != std::errc() || end != digits.data() + digits.size() || seconds < 0) {
    return fail(EINVAL, fmt::format("SOURCE_DATE_EPOCH is \"{}\", no number of seconds", digits));
  }
  return seconds;
}

Status complete(Arguments& arguments) {
  MakeOptions& make = arguments.make;
  make.uuid = arguments.uuid.empty() ? random_uuid() : TRY(parse_uuid(arguments.uuid));
  if (!arguments.volume_size.empty()) {
    make.volume_bytes = TRY(parse_size(arguments.volume_size));
    TRY_VOID(store::check_volume_bytes(make.volume_bytes));
  }
  make.created_seconds = TRY(creation_time());
  make.uid = ::getuid();
  make.gid = ::getgid();
  if (!make.index_path.empty()) {
    make.index_path = std::filesystem::absolute(make.index_path).lexically_normal().string();
    if (make.index_path.size() > 1 && make.index_path.ends_with('/')) make.index_path.pop_back();
  }
  return {};
}

int fail_with(const Error& error, int code) {
  fmt::print(stderr, "mkfs.ciaos: {}\n", to_string(error));
  return code;
}

int run(Arguments& arguments) {
  if (const Status status = complete(arguments); !status.ok()) return fail_with(status.error(), kExitUsage);
  const auto plan = plan_store(arguments.make);
  if (!plan.ok()) return fail_with(plan.error(), kExitFailed);
  if (!arguments.quiet) {
    for (const std::string& note : plan->notes) fmt::print(stderr, "mkfs.ciaos: note: {}\n", note);
  }
  if (!arguments.dry_run) {
    const Status made = make_store(arguments.make, *plan);
    if (!made.ok()) return fail_with(made.error(), kExitFailed);
  }
  if (!arguments.quiet) fmt::print("{}", geometry_text(*plan));
  return kExitOk;
}

}  // namespace

int main(int argc, char** argv) {
  prepare_process();
  try {
    Arguments arguments;
    CLI::App app("Makes a ciaosfs store.", "mkfs.ciaos");
    declare(app, arguments);
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      if (error.get_exit_code() == 0) return app.exit(error);  // --help
      fmt::print(stderr, "mkfs.ciaos: {}; try --help\n", error.what());
      return kExitUsage;
    }
    if (arguments.version) {
      fmt::print("mkfs.ciaos {}\n", CIAOS_VERSION);
      return kExitOk;
    }
    if (arguments.make.stores.empty()) {
      fmt::print(stderr, "mkfs.ciaos: which store? Try --help\n");
      return kExitUsage;
    }
    return run(arguments);
  } catch (const std::exception& error) {
    fmt::print(stderr, "mkfs.ciaos: {}\n", error.what());
    return kExitFailed;
  }
}
