#include "support/temporary_directory.h"

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>

#include "base/assert.h"

namespace ciaos::test {

TemporaryDirectory::TemporaryDirectory() {
  const std::string memory = "/dev/shm";
  const std::string parent =
      ::access(memory.c_str(), W_OK) == 0 ? memory : std::filesystem::temp_directory_path().string();
  path_ = parent + "/ciaosfs-test-XXXXXX";
  CIAOS_ASSERT(::mkdtemp(path_.data()) != nullptr);
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace ciaos::test
