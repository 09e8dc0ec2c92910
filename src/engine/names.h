// Names and what they lead to: everything that changes a directory, and how inodes come and go.
#pragma once

#include <functional>
#include <string>

#include "engine/core.h"
#include "engine/files.h"
#include "engine/types.h"

namespace ciaos::engine {

// About what a new name costs in records, with its inode and directory.
inline constexpr std::uint64_t kRecordsPerName = 8192;

// Thread-safe. Lock order: renaming_, the gate, inodes by number.
class Names {
 public:
  Names(Core& core, Files& files) : core_(core), files_(files) {}

  Result<Attributes> lookup(InodeId parent, std::string_view name);
  Result<InodeId> parent_of(InodeId directory);
  struct NewInode {
    std::uint32_t mode = 0;
    std::uint64_t device = 0;
    std::string_view target;  // of a symlink
    std::uint32_t links = 1;  // 0: it has no name
    std::uint32_t flags = 0;
  };
  // Pins it `pins` times.
  Result<Attributes> make(const Caller& caller, InodeId parent, std::string_view name, const NewInode& inode,
                          std::uint64_t pins);
  // A regular file without a name, pinned twice.
  Result<Attributes> make_unnamed(const Caller& caller, InodeId directory, std::uint32_t mode, bool linkable);
  Result<Attributes> link(InodeId inode, InodeId parent, std::string_view name);
  Status unlink(InodeId parent, std::string_view name);
  Status rmdir(InodeId parent, std::string_view name);
  Status rename(const Rename& rename);
  Status readdir(InodeId directory, std::uint64_t after, bool attributes, const Engine::DirectorySink& sink);

  void unpin(InodeId inode, std::uint64_t pins);
  // Frees an inode without links, in steps if it is large. Nobody can reach it any more.
  Status destroy(InodeId inode);

  // --- steps, for verbs that are made of others: admit_new() before the gate, the rest behind it with the inodes locked ---
  Status admit_new();
  // The directory locked, shared is enough.
  Result<std::optional<meta::NameRow>> find(InodeId parent, std::string_view name);
  void add_name(Inode& directory, std::string_view name, const Inode& child);
  // The name keeps its position and leads to `child` from now on.
  void redirect_name(Inode& directory, std::string_view name, const meta::NameRow& old, const Inode& child);
  void remove_name(Inode& directory, std::string_view name);
  // A link of `inode` is gone. True if it was the last and nothing pins it: destroy it after the locks are gone.
  bool drop_link(Inode& inode);
  void touch(Inode& inode, bool contents);

 private:
  // Pins an inode that has a name, whoever asks for it by its number.
  Result<Attributes> reach(InodeId id);
  std::optional<Attributes> attributes_if_there(InodeId id);
  // What a name led to when it was found; none if it leads elsewhere since, so that the caller looks again. EUCLEAN if
  // the name stays and its inode does not exist. The directory not locked.
  Result<InodeRef> child_of(Inode& directory, std::string_view name, const meta::NameRow& row);
  // With what `directory`, which the caller has locked, hands on.
  Result<InodeRef> make_inode(const Caller& caller, Inode& directory, const NewInode& inode,
                              std::uint64_t pins);
  InodeRef allocate(const meta::InodeRow& row, const QuotaRef& quota);
  Status remove(InodeId parent, std::string_view name, bool directory);
  Result<InodeId> rename_locked(const Rename& rename);
  Status check_no_cycle(InodeId moved, InodeId new_parent);
  void exchange(const Rename& rename, const meta::NameRow& from_row, const meta::NameRow& to_row,
                const InodeRef& from, const InodeRef& to, const InodeRef& source, const InodeRef& target);

  Core& core_;
  Files& files_;
  Mutex renaming_;  // one rename at a time: directories must not move while a cycle is looked for
};

}  // namespace ciaos::engine
