#include "daemon/program.h"

#include <malloc.h>

#include <algorithm>
#include <cstdio>

#include "base/log.h"
#include "daemon/announcement.h"
#include "daemon/configuration_file.h"
#include "daemon/remount.h"
#include "daemon/serve.h"

namespace ciaos::daemon {
namespace {

ExitCode refuse(const Failure& failure) {
  std::fprintf(stderr, "ciaosfs: %s\n", failure.sentence.c_str());
  return failure.code;
}

ExitCode print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  return ExitCode::success;
}

// What file, environment and command line say, in the order in which the later holds.
Result<std::vector<SourcedOption>> gather(const CommandLine& line, const Environment& environment) {
  const bool named = !environment.configuration.empty();
  auto settings = read_configuration(named ? environment.configuration : kConfigurationFile);
  if (!settings && (settings.code() != ENOENT || named)) return settings.error();
  std::vector<SourcedOption> options = TRY(options_of(settings ? *settings : std::vector<Setting>()));
  for (SourcedOption& option : TRY(options_of(settings_of_environment(environment.settings)))) {
    options.push_back(std::move(option));
  }
  for (const std::string& text : line.options) options.push_back({text, ""});
  return options;
}

// Write buffers are filled by whichever thread takes the request and freed by whichever flushes them. With an arena for each
// thread, as glibc has it, every arena keeps its own peak: copying large files took 1.3 GiB for 64 MiB of buffers.
void bound_the_allocator() {
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_MMAP_THRESHOLD, 256 * 1024);  // set, it no longer grows with what is freed
  mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
}

}  // namespace

ExitCode run_program(std::span<const std::string_view> arguments, const Environment& environment) {
  bound_the_allocator();
  const Form form = arguments.empty() ? Form::program : form_of(arguments.front());
  const auto line = parse_command_line(form, arguments.empty() ? arguments : arguments.subspan(1));
  if (!line) return refuse(failure_of(Step::command_line, line.error(), ""));
  if (line->help) return print(help_text());
  if (line->version) return print("ciaosfs " CIAOS_VERSION "\n");

  const auto given = gather(*line, environment);
  if (!given) return refuse(failure_of(Step::configuration, given.error(), ""));
  // What mount(8) gives then is all that it knows of the mount, with words of the kernel's.
  const bool remounts = std::ranges::find(line->options, "remount") != line->options.end();
  auto options = parse_options(*given, line->sloppy || remounts);
  if (!options) return refuse(failure_of(Step::command_line, options.error(), ""));
  if (line->print_config) return print(print_configuration(*given));
  if (options->remount) {
    const Status status = line->fake ? Status() : remount(line->mountpoint, *options);
    return status.ok() ? ExitCode::success
                       : refuse(failure_of(Step::remount, status.error(), line->mountpoint));
  }
  auto planned = make_plan(*line, *options, environment);
  if (const Failure* failure = std::get_if<Failure>(&planned)) return refuse(*failure);
  if (line->fake) return ExitCode::success;

  Plan& plan = std::get<Plan>(planned);
  plan.given = *given;
  const LogLevel level = line->debug || options->debug ? LogLevel::debug : LogLevel::info;
  return (line->foreground ? in_foreground : in_background)([&](Announcement& announcement) {
    open_log(line->foreground ? LogTarget::standard_error : LogTarget::system_log, level, "ciaosfs");
    return serve(plan, announcement);
  });
}

}  // namespace ciaos::daemon
