// ciaosctl: looks into a store that a daemon has open, and looks after it.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>

#include "tools/ctl/ctl.h"

namespace {

using namespace ciaos;
using namespace ciaos::ctl;

int exit_code_of(const Error& error) {
  if (error.code == ENOTCONN) return kExitUnreachable;
  return error.code == EINVAL ? kExitUsage : kExitFailed;
}

}  // namespace

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_DFL);
  try {
    Ctl ctl;
    const char* const no_colour = std::getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe): no threads yet
    ctl.colours = ::isatty(STDOUT_FILENO) == 1 && (no_colour == nullptr || no_colour[0] == '\0');
    ctl.bars = ::isatty(STDERR_FILENO) == 1;
    CLI::App app("Looks into a ciaosfs store that is in use, and looks after it.", "ciaosctl");
    declare(app, ctl);
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
      say(std::string(error.what()) + "; try --help");
      return kExitUsage;
    }
    const Result<int> done = ctl.run();
    if (done.ok()) return *done;
    const bool is_said = done.code() == ENOTCONN && !done.error().context.empty();
    say(is_said ? done.error().context : to_string(done.error()));
    return exit_code_of(done.error());
  } catch (const std::exception& error) {
    say(error.what());
    return kExitFailed;
  }
}
