// An error that ends the program: one line for people, and how to exit. Pure.
#pragma once

#include <string>

#include "base/result.h"
#include "daemon/exit_codes.h"

namespace ciaos::daemon {

struct Failure {
  ExitCode code = ExitCode::failure;
  std::string sentence;  // names the thing and what to do; no newline
};

// What was tried when the error came.
enum class Step { command_line, configuration, open_store, mount, remount };

// `subject` is what was worked on: a path. It is named unless the error's context names it already.
Failure failure_of(Step step, const Error& error, const std::string& subject);

}  // namespace ciaos::daemon
