// Names and links: every name leads to an inode, every inode has as many names as it says, and the directories are one
// tree. Two walks: the inodes, of which a few bytes each are kept, and then the names against them. (That a position is
// held by one name and that names can be spelled needs no look: rows that break it do not get into an index.)
#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "meta/first_rows.h"
#include "tools/fsck/check.h"

namespace ciaos::fsck {
namespace {

using meta::Changes;
using meta::InodeRow;

struct InodeFacts {
  std::uint32_t mode = 0;
  std::uint32_t links = 0;
  std::uint32_t names = 0;  // found
};

struct DirectoryFacts {
  InodeId parent;
  std::uint64_t entries = 0;
  std::uint64_t next_position = 0;
  std::uint64_t highest_position = meta::kFirstPosition - 1;  // found in it
  std::uint64_t names = 0;                                    // found in it
  std::uint32_t subdirectories = 0;                           // found in it
  InodeId named_in;                                           // where its own name was found
};

class NamesPass {
 public:
  explicit NamesPass(Check& check) : check_(check), report_(check.report) {}

  Status run() {
    const auto inodes = TRY(check_.rows->counter(static_cast<std::uint32_t>(meta::Counter::inodes)));
    check_.progress.begin(4, 2 * inodes.value_or(0));
    TRY_VOID(for_each_row(*check_.rows, [this](const Changes& piece) {
      for (const auto& [id, row] : piece.inodes) note_inode(id, *row);
      return check_.progress.step(piece.inodes.size());
    }));
    TRY_VOID(for_each_row(*check_.rows, [this](const Changes& piece) {
      for (const auto& [key, row] : piece.names) check_name(key, *row);
      for (const auto& [key, row] : piece.xattrs) check_xattr(key);
      return check_.progress.step(piece.names.size());
    }));
    check_root();
    for (const auto& [id, facts] : inodes_) check_links(id, facts);
    for (const auto& [id, facts] : directories_) check_directory(id, facts);
    check_tree();
    check_.totals.inodes = inodes_.size();
    check_.totals.directories = directories_.size();
    return {};
  }

 private:
  void note_inode(InodeId id, const InodeRow& row) {
    check_.highest_inode = std::max(check_.highest_inode, id);
    inodes_.emplace(id, InodeFacts{row.mode, row.links, 0});
    if (S_ISDIR(row.mode)) {
      directories_.emplace(id, DirectoryFacts{row.parent, row.entries, row.next_position});
    }
    if (S_ISLNK(row.mode) && row.size != row.content.size()) {
      report_.add({.problem = Problem::symlink_size_wrong,
                   .inode = id,
                   .found = row.size,
                   .expected = row.content.size()});
    }
  }

  void check_name(const meta::NameKey& key, const meta::NameRow& row) {
    ++check_.totals.names;
    check_.highest_inode = std::max({check_.highest_inode, key.parent, row.child});
    const auto parent = directories_.find(key.parent);
    if (parent == directories_.end()) {
      report_.add({.problem = Problem::name_in_no_directory, .inode = key.parent, .name = key.name});
    } else {
      ++parent->second.names;
      parent->second.highest_position = std::max(parent->second.highest_position, row.position);
    }
    const auto child = inodes_.find(row.child);
    if (child == inodes_.end()) {
      report_.add({.problem = Problem::name_without_inode,
                   .inode = key.parent,
                   .name = key.name,
                   .found = row.child.value()});
      return;
    }
    ++child->second.names;
    if (row.type != IFTODT(child->second.mode)) {
      report_.add({.problem = Problem::name_type_wrong,
                   .inode = key.parent,
                   .name = key.name,
                   .found = row.type,
                   .expected = IFTODT(child->second.mode)});
    }
    if (const auto directory = directories_.find(row.child); directory != directories_.end()) {
      directory->second.named_in = key.parent;
      if (parent != directories_.end()) ++parent->second.subdirectories;
    }
  }

  void check_xattr(const meta::XattrKey& key) {
    if (inodes_.contains(key.inode)) return;
    report_.add({.problem = Problem::xattr_without_inode, .name = key.name, .found = key.inode.value()});
  }

  void check_root() {
    const auto root = inodes_.find(kRootInode);
    if (root == inodes_.end()) {
      report_.add({.problem = Problem::root_missing});
    } else if (!S_ISDIR(root->second.mode)) {
      report_.add({.problem = Problem::root_not_a_directory, .found = root->second.mode});
    }
  }

  // Of files; a directory's links are those of its subdirectories.
  void check_links(InodeId id, const InodeFacts& facts) {
    if (facts.names == 0 && facts.links == 0) {
      report_.add({.problem = Problem::orphan, .inode = id});
    } else if (facts.names == 0 && id != kRootInode) {
      report_.add({.problem = Problem::inode_without_name, .inode = id, .found = facts.links});
    } else if (!S_ISDIR(facts.mode) && facts.links != facts.names) {
      report_.add(
          {.problem = Problem::links_wrong, .inode = id, .found = facts.links, .expected = facts.names});
    }
  }

  void check_directory(InodeId id, const DirectoryFacts& facts) {
    const InodeFacts& inode = inodes_.at(id);
    const bool is_orphan = inode.links == 0 && inode.names == 0;
    const std::uint64_t links = 2 + std::uint64_t{facts.subdirectories};
    if (!is_orphan && inode.links != links) {
      report_.add({.problem = Problem::links_wrong, .inode = id, .found = inode.links, .expected = links});
    }
    if (facts.entries != facts.names) {
      report_.add(
          {.problem = Problem::entries_wrong, .inode = id, .found = facts.entries, .expected = facts.names});
    }
    if (facts.next_position <= facts.highest_position) {
      report_.add({.problem = Problem::position_not_below_next,
                   .inode = id,
                   .found = facts.highest_position,
                   .expected = facts.next_position});
    }
    if (inode.names > (id == kRootInode ? 0u : 1u)) {
      report_.add({.problem = Problem::directory_named_twice, .inode = id, .found = inode.names});
    } else if (!is_orphan && facts.parent != facts.named_in) {
      report_.add({.problem = Problem::parent_wrong,
                   .inode = id,
                   .found = facts.parent.value(),
                   .expected = facts.named_in.value()});
    }
  }

  // Follows names upwards. A way that ends where nothing goes on was told by that; what is left to tell are circles, each
  // once, by its lowest number. Each directory is walked through once.
  void check_tree() {
    std::unordered_map<InodeId, InodeId> seen_from;
    for (const auto& [id, facts] : directories_) {
      InodeId at = id;
      while (at != kRootInode && directories_.contains(at) && seen_from.emplace(at, id).second) {
        at = directories_.at(at).named_in;
      }
      const auto seen = seen_from.find(at);
      if (seen == seen_from.end() || seen->second != id || at == kRootInode) continue;
      InodeId lowest = at;
      for (InodeId on = directories_.at(at).named_in; on != at; on = directories_.at(on).named_in) {
        lowest = std::min(lowest, on);
      }
      report_.add({.problem = Problem::directory_unreachable, .inode = lowest});
    }
  }

  Check& check_;
  Report& report_;
  std::unordered_map<InodeId, InodeFacts> inodes_;
  std::unordered_map<InodeId, DirectoryFacts> directories_;
};

}  // namespace

Status pass4_names(Check& check) { return NamesPass(check).run(); }

}  // namespace ciaos::fsck
