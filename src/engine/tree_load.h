// A tree that is copied into a store past its mount, thing by thing: what `ciaosctl import` is made of.
//
// Every step is an ordinary verb of the engine, so all that they promise holds here as well; what is saved is a request of
// the kernel for each of them. Whatever a mount shows hears of it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/engine.h"

namespace ciaos::engine {

// Bytes of a file, and where whoever brings them keeps them meanwhile.
struct LoadPiece {
  std::uint64_t offset = 0;  // in the file
  std::uint64_t length = 0;
  std::uint64_t at = 0;
  bool operator==(const LoadPiece&) const = default;
};

// One thing, or a part of a long file: `begins` makes it, `ends` gives it its size and attributes. A directory ends when all
// that belongs into it is there, or its times would move again.
struct LoadEntry {
  std::string path;  // below the directory that is loaded into; empty: that one
  bool begins = false;
  bool ends = false;
  std::uint32_t mode = 0;  // with its type
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t device = 0;
  std::uint64_t size = 0;
  Timestamp accessed, modified;
  std::string target;      // of a symlink; of a hard link, the path of the file that gets one name more
  bool hard_link = false;  // then nothing else is looked at
  std::vector<std::pair<std::string, std::string>> xattrs;
  std::vector<LoadPiece> pieces;
  bool operator==(const LoadEntry&) const = default;
};

// Not thread-safe.
class TreeLoad {
 public:
  // Reads bytes that a piece names, at most kReadBytes at once.
  using Bytes = std::function<Result<ByteVector>(std::uint64_t at, std::uint64_t length)>;
  static constexpr std::uint64_t kReadBytes = 1u << 20;

  TreeLoad(Engine& engine, InodeId directory, Bytes bytes)
      : engine_(engine), directory_(directory), bytes_(std::move(bytes)) {}
  ~TreeLoad();
  TreeLoad(const TreeLoad&) = delete;
  TreeLoad& operator=(const TreeLoad&) = delete;

  // A directory that is there already is gone on with; anything else loses its name to what comes. Errors are those of the
  // verbs; EISDIR, ENOTDIR: one of the two is a directory; EINVAL: "." or ".." in a path.
  Status apply(const LoadEntry& entry);

 private:
  struct Place {
    InodeId directory;
    std::string name;
  };
  Result<Place> place_of(std::string_view path);
  Result<InodeId> enter(std::string_view directory_path);
  Result<InodeId> find(const Place& place);
  Result<InodeId> make(const Place& place, const LoadEntry& entry);
  Result<InodeId> make_named(const Caller& caller, const Place& place, const LoadEntry& entry);
  Status link(const Place& place, const LoadEntry& entry);
  Status write(InodeId inode, const LoadEntry& entry);
  Status finish(InodeId inode, const LoadEntry& entry);
  void leave();

  Engine& engine_;
  const InodeId directory_;
  const Bytes bytes_;
  // The directory that was entered last, pinned unless it is directory_.
  std::string entered_path_;
  InodeId entered_;
  bool inherits_ = false;  // what is made in it gets an access control list
  bool has_entered_ = false;
};

}  // namespace ciaos::engine
