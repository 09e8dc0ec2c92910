#include "tools/fsck/paths.h"

#include <optional>
#include <utility>

#include "tools/fsck/check.h"

namespace ciaos::fsck {
namespace {

constexpr int kDepthMax = 4096;  // deeper than any PATH_MAX: a cycle
constexpr std::size_t kNamesPerStep = 4096;

// The name under which `parent` holds `child`; for directories above a file, of which there are few.
std::optional<std::string> name_in(meta::IndexReader& rows, InodeId parent, InodeId child) {
  std::uint64_t after = 0;
  for (;;) {
    auto names = rows.names(parent, after, kNamesPerStep);
    if (!names.ok() || names->empty()) return std::nullopt;
    for (const meta::NameEntry& entry : *names) {
      if (entry.row.child == child) return entry.name;
    }
    if (names->back().row.position <= after) return std::nullopt;
    after = names->back().row.position;
  }
}

class Directories {
 public:
  explicit Directories(meta::IndexReader& rows) : rows_(rows) {}

  // "" for the root, "/a/b" below it.
  std::optional<std::string> path_of(InodeId directory) {
    std::string below;
    InodeId at = directory;
    for (int depth = 0; at != kRootInode; ++depth) {
      if (const auto known = known_.find(at); known != known_.end()) {
        below = known->second + below;
        break;
      }
      auto row = rows_.inode(at);
      if (depth > kDepthMax || !row.ok() || !row->has_value()) return std::nullopt;
      const auto name = name_in(rows_, (*row)->parent, at);
      if (!name) return std::nullopt;
      below = "/" + *name + below;
      at = (*row)->parent;
    }
    known_.emplace(directory, below);
    return below;
  }

 private:
  meta::IndexReader& rows_;
  std::map<InodeId, std::string> known_;
};

}  // namespace

std::map<InodeId, std::string> paths_of(meta::IndexReader& rows, const std::set<InodeId>& inodes) {
  std::map<InodeId, meta::NameKey> names;
  // A walk that ends early has still named some.
  (void)for_each_row(rows, [&](const meta::Changes& piece) {
    for (const auto& [key, row] : piece.names) {
      if (inodes.contains(row->child)) names.emplace(row->child, key);
    }
    return Status();
  }).ok();

  std::map<InodeId, std::string> paths;
  if (inodes.contains(kRootInode)) paths.emplace(kRootInode, "/");
  Directories directories(rows);
  for (const auto& [inode, key] : names) {
    const auto parent = directories.path_of(key.parent);
    if (parent) paths.emplace(inode, *parent + "/" + key.name);
  }
  return paths;
}

}  // namespace ciaos::fsck
