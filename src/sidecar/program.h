// ciaos-sidecar from its command line to its exit code.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace ciaos::sidecar {

// 0 after a stop by a signal; 1 the command line is wrong; 2 it could not be started. `arguments` without argv[0].
int run_program(std::span<const std::string_view> arguments, const std::string& storage_directory);

}  // namespace ciaos::sidecar
