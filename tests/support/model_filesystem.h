// What the engine should do, done the obvious way: maps and strings, one thread, nothing on any device.
//
// Same verbs and errnos as Engine. The random tests do each step to both and compare the answers. Copies are cheap
// (inodes are shared until one side changes), so a run keeps the state after each of its steps, and a crash test looks
// up which of them came back.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "base/ids.h"
#include "base/result.h"
#include "engine/engine.h"

namespace ciaos::test {

// Immutable, shared between copies of the model.
struct ModelContents {
  std::string bytes;
  Digest digest;
};

struct ModelInode {
  engine::Attributes attributes;  // without blocks512 and change, which the model does not know
  std::shared_ptr<const ModelContents> contents;  // of a regular file
  std::string target;                             // of a symlink
  std::map<std::string, InodeId> names;           // of a directory
  InodeId parent;                                 // of a directory; the root is its own
  std::map<std::string, std::string> xattrs;
  std::uint32_t opens = 0;

  bool is_directory() const;
  bool is_regular() const;
};

// Not thread-safe.
class ModelFilesystem {
 public:
  // `root` as the engine shows it in a fresh store. `clock` is the engine's and outlives all copies.
  ModelFilesystem(const engine::Attributes& root, Clock& clock);

  Result<InodeId> lookup(InodeId parent, std::string_view name) const;
  // Everything that makes an inode is told which number the engine chose.
  Result<InodeId> mknod(const engine::Caller& caller, InodeId parent, std::string_view name,
                        std::uint32_t mode, std::uint64_t device, InodeId number);
  Result<InodeId> mkdir(const engine::Caller& caller, InodeId parent, std::string_view name,
                        std::uint32_t mode, InodeId number);
  Result<InodeId> symlink(const engine::Caller& caller, InodeId parent, std::string_view name,
                          std::string_view target, InodeId number);
  Result<InodeId> create(const engine::Caller& caller, InodeId parent, std::string_view name,
                         std::uint32_t mode, InodeId number);
  Status link(InodeId inode, InodeId parent, std::string_view name);
  Status unlink(InodeId parent, std::string_view name);
  Status rmdir(InodeId parent, std::string_view name);
  Status rename(const engine::Rename& rename);
  Result<std::string> readlink(InodeId inode) const;
  Result<std::vector<std::string>> readdir(InodeId directory) const;  // sorted, without "." and ".."

  Result<engine::Attributes> getattr(InodeId inode) const;
  Result<engine::Attributes> setattr(const engine::Caller& caller, InodeId inode,
                                     const engine::SetAttributes& set);
  Result<std::string> getxattr(InodeId inode, std::string_view name) const;
  Result<std::vector<std::string>> listxattr(InodeId inode) const;  // sorted
  Status setxattr(InodeId inode, std::string_view name, std::string_view value, engine::XattrMode mode);
  Status removexattr(InodeId inode, std::string_view name);

  Status open(const engine::Caller& caller, InodeId inode, engine::Engine::OpenMode mode);
  void release(InodeId inode);
  Result<std::string> read(InodeId inode, std::uint64_t offset, std::size_t bytes) const;
  Result<std::size_t> write(InodeId inode, std::uint64_t offset, std::string_view bytes,
                            engine::Engine::WriteMode mode);

  Status change_range(InodeId inode, const engine::RangeChange& change);
  // All of it, where the engine may do less.
  Result<std::uint64_t> clone_range(const engine::CloneRange& range);

  // The end of a process, clean or not: nothing is open any more, and inodes without links are gone (invariant 6).
  void close_all();

  const std::map<InodeId, std::shared_ptr<const ModelInode>>& inodes() const { return inodes_; }

 private:
  const ModelInode* find(InodeId inode) const;
  ModelInode& change(InodeId inode);          // for the caller to change; shared no longer
  ModelInode& touch(InodeId inode);           // the same, ctime set
  ModelInode& touch_contents(InodeId inode);  // the same, mtime too
  Status check_new_name(InodeId parent, std::string_view name) const;
  Result<InodeId> check_old_name(InodeId parent, std::string_view name) const;
  Result<InodeId> add(const engine::Caller& caller, InodeId parent, std::string_view name, std::uint32_t mode,
                      InodeId number);
  Status check_rename(const engine::Rename& rename, InodeId source, InodeId target) const;
  void exchange(const engine::Rename& rename, InodeId source, InodeId target);
  // `name` of `parent` is gone: one link less, and the inode too if nothing pins it.
  void drop_link(InodeId inode);
  void move_directory(InodeId directory, InodeId from, InodeId to);
  bool is_below(InodeId inode, InodeId ancestor) const;
  void set_contents(ModelInode& inode, std::string bytes);

  Clock* clock_;
  std::map<InodeId, std::shared_ptr<const ModelInode>> inodes_;
};

}  // namespace ciaos::test
