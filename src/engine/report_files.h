// Files that the engine writes while they are read: `.ciaos/damaged`, `.ciaos/stats` and `.ciaos/version`.
//
// The directory is found by name in the root and not listed there, so that copies and comparisons of trees pass it by. A
// real entry of that name, of a store from before, comes first.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "engine/engine.h"

namespace ciaos::engine {

// Thread-safe; its mutex is a leaf.
class ReportFiles {
 public:
  struct Sources {
    std::function<std::string()> damaged;
    std::function<std::string()> stats;
  };
  // `may_be_cached`: the kernel keeps what it has read of a file, as it does where opens are not told. Then each lookup finds
  // another file. Otherwise a file stays itself, which programs that copy it ask for.
  ReportFiles(Sources sources, const Timestamp& born, bool may_be_cached)
      : sources_(std::move(sources)), born_(born), may_be_cached_(may_be_cached) {}

  // Above every number that a row may have.
  static bool owns(InodeId inode) { return inode.value() >> 63 != 0; }
  static bool is_reserved(InodeId parent, std::string_view name) {
    return parent == kRootInode && name == ".ciaos";
  }

  // Each lookup gives a file another number. A kernel that opens files without asking (a read-only mount) keeps the pages
  // of each number it knows, and so shows nobody the text of an earlier lookup.
  //
  // REQUIRES below: owns(inode), but for lookup's `parent`, which may be the root.
  Result<Attributes> lookup(InodeId parent, std::string_view name) EXCLUDES(mutex_);
  Result<Attributes> getattr(InodeId inode) EXCLUDES(mutex_);
  // A read at the file's begin sees it as it is then, and those that follow go on in the same text.
  Result<std::size_t> read(InodeId inode, std::uint64_t offset, MutableByteSpan into) EXCLUDES(mutex_);
  Status readdir(InodeId inode, std::uint64_t after, bool attributes, const Engine::DirectorySink& sink)
      EXCLUDES(mutex_);

 private:
  std::string make_text(InodeId inode) const;

  const Sources sources_;
  const Timestamp born_;
  const bool may_be_cached_;
  std::atomic<std::uint64_t> lookups_{0};
  Mutex mutex_;
  std::map<InodeId, std::string> texts_ GUARDED_BY(mutex_);  // of each kind, as last read from the begin
};

// A line for each number.
std::string text_of(const Statistics& statistics);

}  // namespace ciaos::engine
