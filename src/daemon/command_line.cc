#include "daemon/command_line.h"

#include <fmt/core.h>

namespace ciaos::daemon {
namespace {

constexpr std::string_view kProgramValued = "o";
constexpr std::string_view kHelperValued = "otN";

Status set_flag(Form form, char letter, CommandLine& line) {
  if (form == Form::program) {
    switch (letter) {
      case 'f': line.foreground = true; return {};
      case 'd': line.debug = line.foreground = true; return {};
      case 'h': line.help = true; return {};
      case 'V': line.version = true; return {};
      default: break;
    }
  } else {
    switch (letter) {
      case 'f': line.fake = true; return {};
      case 's': line.sloppy = true; return {};
      case 'n':  // there is no mtab to leave alone
      case 'v': return {};
      default: break;
    }
  }
  return fail(EINVAL, fmt::format("unknown option -{}", letter));
}

// One argument of the kind "-abc", "-ovalue" or "-o" with the value behind it. Moves `next` past what it used.
Status take_letters(Form form, std::span<const std::string_view> arguments, std::size_t& next,
                    CommandLine& line) {
  std::string_view letters = arguments[next++].substr(1);
  const std::string_view valued = form == Form::program ? kProgramValued : kHelperValued;
  while (!letters.empty()) {
    const char letter = letters.front();
    letters.remove_prefix(1);
    if (valued.find(letter) == std::string_view::npos) {
      TRY_VOID(set_flag(form, letter, line));
      continue;
    }
    if (letters.empty()) {
      if (next == arguments.size()) return fail(EINVAL, fmt::format("option -{} needs a value", letter));
      letters = arguments[next++];
    }
    if (letter == 'N')
      return fail(EINVAL, "-N is not supported: enter that namespace first, with nsenter --mount");
    if (letter == 'o') {
      for (std::string& option : split_options(letters)) line.options.push_back(std::move(option));
    }
    return {};
  }
  return {};
}

Status take_long(Form form, std::string_view argument, CommandLine& line) {
  if (argument == "--help") {
    line.help = true;
  } else if (argument == "--no-mount" && form == Form::program) {
    line.no_mount = true;
  } else if (argument == "--version") {
    line.version = true;
  } else if (argument == "--print-config") {
    line.print_config = true;
  } else {
    return fail(EINVAL, fmt::format("unknown option {}", argument));
  }
  return {};
}

Status place_paths(Form form, std::vector<std::string> paths, CommandLine& line) {
  if (line.help || line.version || line.print_config) return {};
  if (line.no_mount) {
    line.stores = std::move(paths);
    return {};
  }
  if (paths.empty()) return fail(EINVAL, "no mountpoint was given");
  if (form == Form::mount_helper && paths.size() != 2) {
    return fail(EINVAL,
                fmt::format("a mount helper takes one store and one mountpoint, not {} paths", paths.size()));
  }
  line.mountpoint = std::move(paths.back());
  paths.pop_back();
  line.stores = std::move(paths);
  return {};
}

}  // namespace

Form form_of(std::string_view program_path) {
  const std::string_view name = program_path.substr(program_path.rfind('/') + 1);
  return name.starts_with("mount.") ? Form::mount_helper : Form::program;
}

std::vector<std::string> split_options(std::string_view text) {
  std::vector<std::string> options(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == ',' || text[i + 1] == '\\')) {
      options.back().push_back(text[++i]);
    } else if (text[i] == ',') {
      options.emplace_back();
    } else {
      options.back().push_back(text[i]);
    }
  }
  std::erase(options, "");
  return options;
}

Result<CommandLine> parse_command_line(Form form, std::span<const std::string_view> arguments) {
  CommandLine line;
  std::vector<std::string> paths;
  bool options_ended = false;
  for (std::size_t next = 0; next < arguments.size();) {
    const std::string_view argument = arguments[next];
    if (options_ended || argument.size() < 2 || argument.front() != '-') {
      paths.emplace_back(argument);
      ++next;
    } else if (argument == "--") {
      options_ended = true;
      ++next;
    } else if (argument.starts_with("--")) {
      TRY_VOID(take_long(form, argument, line));
      ++next;
    } else {
      TRY_VOID(take_letters(form, arguments, next, line));
    }
  }
  TRY_VOID(place_paths(form, std::move(paths), line));
  return line;
}

}  // namespace ciaos::daemon
