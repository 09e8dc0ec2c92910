// A folder of our own that is gone when the check ends.
#pragma once

#include <string>

#include "base/result.h"

namespace ciaos::fsck {

class ScratchFolder {
 public:
  // Below `parent`, or $TMPDIR, or /var/tmp: what is put there can be as large as the index.
  static Result<ScratchFolder> make(const std::string& parent);
  ScratchFolder(ScratchFolder&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
  ScratchFolder& operator=(ScratchFolder&& other) noexcept;
  ~ScratchFolder();
  const std::string& path() const { return path_; }

 private:
  explicit ScratchFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// Copies the files of folder `from` (no folders in it) to a new folder `to`.
Status copy_folder(const std::string& from, const std::string& to);

}  // namespace ciaos::fsck
