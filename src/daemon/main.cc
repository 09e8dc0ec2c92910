#include <cstdlib>
#include <string_view>
#include <vector>

#include "daemon/program.h"

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): there are no threads yet
  return value != nullptr ? value : "";
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv, argv + argc);
  const ciaos::daemon::Environment environment{.storage_directory = variable("STORAGE_DIRECTORY"),
                                               .storage_backend = variable("STORAGE_BACKEND")};
  return static_cast<int>(ciaos::daemon::run_program(arguments, environment));
}
