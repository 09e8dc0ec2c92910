#include "tools/ctl/ctl.h"

namespace ciaos::ctl {
namespace {

constexpr const char* kCtlFooter =
    "The daemon is found by --store, by a path on its mount, or because it is the only one that runs. Only "
    "root\n"
    "and the user that it runs as are answered.\n"
    "\n"
    "Exit code: 0 done, 1 it could not be done, 2 wrong usage, 3 no daemon could be reached, 4 something is\n"
    "damaged, or the store takes no changes.\n";

}  // namespace

void declare(CLI::App& app, Ctl& ctl) {
  app.footer(kCtlFooter);
  app.fallthrough();
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Help of all verbs");
  app.set_version_flag("-V,--version", std::string("ciaosctl ") + CIAOS_VERSION);
  app.add_flag("--json", ctl.json, "Print JSON, one document a line");
  app.add_option("-s,--store", ctl.store, "Which store: its path, its mount point, or a daemon's socket")
      ->type_name("STORE");
  add_status(app, ctl);
  add_volumes(app, ctl);
  add_info(app, ctl);
  add_usage(app, ctl);
  add_warm(app, ctl);
  add_import(app, ctl);
  add_import_ciaos(app, ctl);
  add_quota(app, ctl);
  add_upkeep(app, ctl);
  add_settings(app, ctl);
  add_debug(app, ctl);
  add_watch(app, ctl);
  add_user(app, ctl);
  add_completion(app, ctl);
}

}  // namespace ciaos::ctl
