// A directory that is there as long as this object.
#pragma once

#include <string>

namespace ciaos::test {

// In memory where the machine has /dev/shm: databases sync, and tests that make thousands of them should not wait.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace ciaos::test
