#include "engine/paths.h"

#include <optional>

namespace ciaos::engine {
namespace {

constexpr std::size_t kScanBytes = 1u << 20;
constexpr std::size_t kNamesAtOnce = 1000;
constexpr int kParentsMax = 4096;  // deeper than any path: rows that go in a circle

std::map<InodeId, meta::NameKey> names_of(meta::IndexReader& rows, const std::set<InodeId>& inodes) {
  std::map<InodeId, meta::NameKey> names;
  meta::IndexReader::Cursor cursor;
  meta::Changes page;
  while (names.size() < inodes.size()) {
    const auto more = rows.scan(cursor, kScanBytes, page);
    if (!more.ok() || !*more) break;
    for (const auto& [key, row] : page.names) {
      if (inodes.contains(row->child)) names.emplace(row->child, key);
    }
    // Tables come in their order, and names come before extents.
    if (!page.extents.empty()) break;
  }
  return names;
}

std::optional<std::string> name_in(meta::IndexReader& rows, InodeId parent, InodeId child) {
  std::uint64_t after = 0;
  while (true) {
    const auto names = rows.names(parent, after, kNamesAtOnce);
    if (!names.ok()) return std::nullopt;
    for (const meta::NameEntry& entry : *names) {
      if (entry.row.child == child) return entry.name;
    }
    if (names->size() < kNamesAtOnce) return std::nullopt;
    after = names->back().row.position;
  }
}

}  // namespace

std::map<InodeId, std::string> paths_of(meta::IndexReader& rows, const std::set<InodeId>& inodes) {
  std::map<InodeId, std::string> known{{kRootInode, ""}};  // of directories
  const auto path_of = [&](InodeId directory) -> std::optional<std::string> {
    std::string below;
    InodeId at = directory;
    for (int depth = 0; !known.contains(at); ++depth) {
      const auto row = rows.inode(at);
      if (depth > kParentsMax || !row.ok() || !row->has_value()) return std::nullopt;
      const auto name = name_in(rows, (*row)->parent, at);
      if (!name) return std::nullopt;
      below = "/" + *name + below;
      at = (*row)->parent;
    }
    return known[directory] = known[at] + below;
  };
  std::map<InodeId, std::string> paths;
  for (const auto& [inode, key] : names_of(rows, inodes)) {
    if (const auto parent = path_of(key.parent)) paths.emplace(inode, *parent + "/" + key.name);
  }
  return paths;
}

}  // namespace ciaos::engine
