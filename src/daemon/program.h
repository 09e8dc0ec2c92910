// ciaosfs from its command line to its exit code.
#pragma once

#include <span>
#include <string_view>

#include "daemon/exit_codes.h"
#include "daemon/store_choice.h"

namespace ciaos::daemon {

// `arguments` with argv[0].
ExitCode run_program(std::span<const std::string_view> arguments, const Environment& environment);

}  // namespace ciaos::daemon
