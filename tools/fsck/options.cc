#include "tools/fsck/options.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <filesystem>
#include <system_error>

namespace ciaos::fsck {
namespace {

constexpr const char* kFooter =
    "Exit code, ORed:\n"
    "   0  nothing is wrong\n"
    "   1  something was wrong and was corrected\n"
    "   4  something is wrong and was left as it is\n"
    "   8  it could not be done or finished: in use, not a store, a device refuses, no room for scratch\n"
    "  16  wrong usage\n"
    "  32  stopped by a signal\n"
    "\n"
    "Without -n, -p and -y each repair is asked for on the terminal; where there is none, nothing is "
    "repaired.\n"
    "The rows that the log stands for are rebuilt in a scratch folder in $TMPDIR or /var/tmp, as large as "
    "the index.\n";

}  // namespace

void declare_options(CLI::App& app, Arguments& arguments) {
  app.footer(kFooter);
  app.add_option("STORE", arguments.stores,
                 "Directory, device or image file; all of a store that has several")
      ->type_name("");
  auto* no = app.add_flag("-n", arguments.no, "Only check, and write nothing");
  auto* preen =
      app.add_flag("-p,-a", arguments.preen,
                   "As at boot: quick where the store was closed, and only repairs that need no yes");
  auto* yes = app.add_flag("-y", arguments.yes, "Say yes to every question");
  no->excludes(preen)->excludes(yes);
  preen->excludes(yes);
  app.add_flag("-f", arguments.force, "Full check, even with -p");
  app.add_flag("-v", arguments.verbose, "Say what was counted");
  app.add_option("-C", arguments.progress_fd,
                 "Write \"pass current maximum store\" to this descriptor; 0: draw a bar")
      ->type_name("FD")
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--check-data", arguments.check.check_data, "Read and verify every payload, too");
  app.add_flag("--rebuild-index", arguments.check.rebuild_index,
               "Build a new index from the volumes, even if nothing is wrong with the old one")
      ->excludes(no);
  app.add_flag("--cut-lost", arguments.cut_lost,
               "With -y: where bytes of a file are proven lost, leave a hole that reads as zeros");
  app.add_option(
         "--salvage", arguments.salvage_into,
         "Write nothing to the store; copy what can be read, although its log is damaged, to this folder, "
         "which must be empty")
      ->type_name("DIR")
      ->excludes(preen)
      ->excludes(yes);
  app.add_option("--index", arguments.check.index_directory,
                 "Where the store's index is, if not in its place")
      ->type_name("DIR");
  app.add_flag("-V", arguments.version, "Print the version and end");
  app.add_flag("-t,-r", arguments.ignored, "Accepted and ignored");
}

Status check_usage(const Arguments& arguments) {
  if (arguments.cut_lost && !arguments.yes) return fail(EINVAL, "--cut-lost goes with -y");
  if (arguments.progress_fd > 0 && ::fcntl(arguments.progress_fd, F_GETFD) < 0)
    return fail(EINVAL, fmt::format("-C {}: there is no such descriptor", arguments.progress_fd));
  if (arguments.salvage_into.empty()) return {};
  std::error_code error;
  const std::string into = std::filesystem::weakly_canonical(arguments.salvage_into, error).string() + "/";
  for (const std::string& store : arguments.stores) {
    const std::string folder = std::filesystem::weakly_canonical(store, error).string() + "/";
    if (into.starts_with(folder))
      return fail(EINVAL, fmt::format("--salvage {} lies in the store", arguments.salvage_into));
  }
  return {};
}

}  // namespace ciaos::fsck
