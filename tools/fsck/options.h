// The command line of fsck.ciaos.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "tools/fsck/check.h"

namespace ciaos::fsck {

struct Arguments {
  std::vector<std::string> stores;
  std::string salvage_into;  // empty: check
  CheckOptions check;
  bool no = false;
  bool preen = false;
  bool yes = false;
  bool cut_lost = false;
  bool force = false;
  bool verbose = false;
  bool version = false;
  bool ignored = false;
  int progress_fd = -1;
};

// `arguments` outlives `app`.
void declare_options(CLI::App& app, Arguments& arguments);
// What the table of options cannot say: EINVAL, with a sentence.
Status check_usage(const Arguments& arguments);

}  // namespace ciaos::fsck
