// What `ciaosctl import` reads: a directory, or an archive as tar(1) and its relatives write them, compressed or not.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "rpc/load_batch.h"

struct archive;
struct archive_entry;
struct archive_entry_linkresolver;

namespace ciaos::ctl {

// Not thread-safe.
class TreeSource {
 public:
  // "-" is an archive on standard input. A directory brings its own name, but for ".", ".." and "/": what is in those.
  static Result<TreeSource> open(const std::string& path);
  TreeSource(TreeSource&&) noexcept = default;
  ~TreeSource();

  // The next thing, without pieces; false: there is none. EILSEQ: it has a name that no store can hold; the next call goes on.
  Result<bool> next(engine::LoadEntry& entry);
  struct Block {
    std::uint64_t offset = 0;  // in the file
    ByteSpan bytes;            // valid until the next call
  };
  // Of what next() gave last. Nothing: that was all.
  Result<std::optional<Block>> next_block();

  // How much of an archive was read, of its size; both 0 where that is not known.
  std::uint64_t read_bytes() const;
  std::uint64_t whole_bytes() const { return whole_bytes_; }

 private:
  TreeSource() = default;
  Result<std::string> path_below(const char* path) const;
  Status fill(engine::LoadEntry& entry);

  template <auto kFree>
  struct Freed {
    template <typename T>
    void operator()(T* object) const {
      (void)kFree(object);
    }
  };
  static int free_archive(archive* of);
  static void free_entry(archive_entry* of);
  static void free_resolver(archive_entry_linkresolver* of);

  std::string path_;
  std::size_t prefix_ = 0;  // bytes of each name that are not the tree's
  bool is_directory_ = false;
  std::uint64_t whole_bytes_ = 0;
  bool has_data_ = false;
  std::unique_ptr<archive, Freed<&TreeSource::free_archive>> archive_;
  std::unique_ptr<archive_entry, Freed<&TreeSource::free_entry>> entry_;
  std::unique_ptr<archive_entry_linkresolver, Freed<&TreeSource::free_resolver>> links_;
};

}  // namespace ciaos::ctl
