// A folder for what nobody will ask for again; removed with everything in it, by whoever comes next if its owner was killed.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"

namespace ciaos::daemon {

class TemporaryDirectory {
 public:
  TemporaryDirectory() = default;
  // A new folder in `parent` whose name begins with `prefix`, locked while this object lives. Folders of this name and this
  // user there that nobody holds locked are removed first.
  static Result<TemporaryDirectory> make(const std::string& parent, std::string_view prefix);
  TemporaryDirectory(TemporaryDirectory&& other) noexcept
      : path_(std::exchange(other.path_, {})), lock_(std::move(other.lock_)) {}
  TemporaryDirectory& operator=(TemporaryDirectory&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(lock_, other.lock_);
    return *this;
  }
  ~TemporaryDirectory();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  UniqueFd lock_;
};

}  // namespace ciaos::daemon
