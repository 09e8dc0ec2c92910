// argv in its forms. Pure.
//
//   ciaosfs [STORE...] MOUNTPOINT [-f] [-d] [-o OPTIONS]...
//   ciaosfs --no-mount [STORE...] [-f] [-d] [-o OPTIONS]...
//   mount.fuse.ciaosfs STORE MOUNTPOINT [-sfnv] [-o OPTIONS] [-t TYPE]      as mount(8) calls it
//
// The same letter means different things: -f is "stay in the foreground" to the one and "fake, mount nothing" to the other.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ciaos::daemon {

enum class Form { program, mount_helper };

// By the last component of argv[0]: mount.<anything> is the mount helper.
Form form_of(std::string_view program_path);

struct CommandLine {
  std::vector<std::string> stores;
  std::string mountpoint;
  std::vector<std::string> options;  // of all -o, split at commas; "\," is a comma
  bool foreground = false;
  bool debug = false;
  bool fake = false;      // check everything that can be checked without opening, then stop
  bool sloppy = false;    // unknown options are no error
  bool no_mount = false;  // own the store and serve its socket; there is no mountpoint then
  bool help = false;
  bool version = false;
  bool print_config = false;
};

// `arguments` without argv[0]. Options may stand before, between and behind the paths; "--" ends them. EINVAL with a context
// that says what is wrong.
Result<CommandLine> parse_command_line(Form form, std::span<const std::string_view> arguments);

std::vector<std::string> split_options(std::string_view text);

}  // namespace ciaos::daemon
