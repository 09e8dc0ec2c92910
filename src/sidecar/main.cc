#include <cstdlib>
#include <string>
#include <vector>

#include "base/process_start.h"
#include "sidecar/program.h"

int main(int argc, char** argv) {
  ciaos::prepare_process();
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  const char* store = std::getenv("STORAGE_DIRECTORY");
  return ciaos::sidecar::run_program(arguments, store == nullptr ? "" : store);
}
