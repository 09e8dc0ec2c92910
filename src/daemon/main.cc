#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/process_start.h"
#include "daemon/program.h"

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): there are no threads yet
  return value != nullptr ? value : "";
}

std::vector<std::pair<std::string, std::string>> variables_of_ours() {
  std::vector<std::pair<std::string, std::string>> found;
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string_view text = *each;
    const std::size_t equals = text.find('=');
    if (text.starts_with("CIAOSFS_") && equals != std::string_view::npos) {
      found.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return found;
}

}  // namespace

int main(int argc, char** argv) {
  ciaos::prepare_process();
  const std::vector<std::string_view> arguments(argv, argv + argc);
  const ciaos::daemon::Environment environment{.storage_directory = variable("STORAGE_DIRECTORY"),
                                               .storage_backend = variable("STORAGE_BACKEND"),
                                               .configuration = variable("CIAOSFS_CONFIG"),
                                               .settings = variables_of_ours()};
  return static_cast<int>(ciaos::daemon::run_program(arguments, environment));
}
