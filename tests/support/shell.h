// What a person would type, on an engine. Paths start at the root; symlinks are not followed.
//
// Verbs that change something answer with an errno, 0 for success, so that stories compare them in one line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"

namespace ciaos::test {

// Thread-safe as far as the engine is. Keeps no pins: what it looks up it forgets.
class Shell {
 public:
  explicit Shell(engine::Engine& engine, const engine::Caller& caller = {})
      : engine_(engine), caller_(caller) {}

  // InodeId{} where there is none.
  InodeId inode(std::string_view path);
  bool exists(std::string_view path) { return inode(path) != InodeId{}; }
  Result<engine::Attributes> stat(std::string_view path);

  int put(std::string_view path, std::string_view bytes);  // creates or truncates, then writes
  int append(std::string_view path, std::string_view bytes);
  int write_at(std::string_view path, std::uint64_t offset, std::string_view bytes);
  int truncate(std::string_view path, std::uint64_t bytes);
  int fsync(std::string_view path);
  // The contents, or "error: ..." which no test expects by accident.
  std::string cat(std::string_view path);
  Result<std::string> read(std::string_view path);

  int mkdir(std::string_view path, std::uint32_t mode = 0755);
  int rmdir(std::string_view path);
  int rm(std::string_view path);
  int mv(std::string_view from, std::string_view to);
  int mv(std::string_view from, std::string_view to,
         const engine::Rename& flags);  // only the flags are looked at
  int ln(std::string_view existing, std::string_view path);
  int symlink(std::string_view target, std::string_view path);
  int chmod(std::string_view path, std::uint32_t mode);
  std::vector<std::string> ls(std::string_view path);  // sorted, without "." and ".."

 private:
  struct Place {
    InodeId parent;
    std::string_view name;
  };
  Result<Place> place_of(std::string_view path);
  Result<InodeId> find(std::string_view path);

  engine::Engine& engine_;
  engine::Caller caller_;
};

}  // namespace ciaos::test
