// ciaosctl config and log-level.
#include <fmt/format.h>

#include "tools/ctl/ctl.h"
#include "tools/ctl/json.h"

namespace ciaos::ctl {
namespace {

Result<int> run_config(const Ctl& ctl, const std::string& place) {
  const auto client = TRY(reach(place.empty() ? ctl.store : place));
  const rpc::Records settings = TRY(ask_all(*client, {.name = "config"}));
  if (ctl.json) {
    print(json_of(settings) + "\n");
    return kExitOk;
  }
  for (const rpc::Record& setting : settings) {
    const std::string value = shown(setting.text("value"));
    const std::string unit = setting.text("unit");
    print(fmt::format("{:<16} {:<24} {}{}\n", setting.text("name"), value.empty() ? "-" : value,
                      shown(setting.text("source")), unit.empty() ? "" : "; " + unit));
  }
  return kExitOk;
}

Result<int> run_log_level(const Ctl& ctl, const std::string& level) {
  const auto client = TRY(reach(ctl.store));
  rpc::Question question{.name = "log-level"};
  if (!level.empty()) question.arguments.add("level", level);
  const rpc::Answer answer = TRY(client->ask(question));
  print(ctl.json ? json_of(rpc::Record{"log", {}}.add("level", answer.text)) + "\n" : answer.text + "\n");
  return kExitOk;
}

}  // namespace

void add_settings(CLI::App& app, Ctl& ctl) {
  auto* config = app.add_subcommand("config", "What the daemon was configured to do, and by what");
  auto place = std::make_shared<std::string>();
  config->add_option("STORE", *place, "A store's path, its mount point, or a daemon's socket")->type_name("");
  config->callback([&ctl, place] { ctl.run = [&ctl, place] { return run_config(ctl, *place); }; });
  auto* log = app.add_subcommand("log-level", "Shows how much the daemon logs, or changes it until it ends");
  auto level = std::make_shared<std::string>();
  log->add_option("LEVEL", *level, "debug, info, warning or error")
      ->type_name("")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  log->callback([&ctl, level] { ctl.run = [&ctl, level] { return run_log_level(ctl, *level); }; });
}

}  // namespace ciaos::ctl
