#include "engine/object_walk.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>

namespace ciaos::engine {
namespace {

constexpr std::size_t kNamesOfAPage = 128;
// A mount may make deeper trees than keys can be long; they are no objects there.
constexpr std::size_t kFramesMax = kKeyBytesMax;

}  // namespace

Status ObjectWalk::open_frame(InodeId directory, std::string prefix, std::string from) {
  Frame frame;
  frame.directory = directory;
  frame.prefix = std::move(prefix);
  frame.from = std::move(from);
  frames_.push_back(std::move(frame));
  return {};
}

Status ObjectWalk::fill(Frame& frame) {
  if (frame.at < frame.names.size() || frame.last) return {};
  frame.names.clear();
  frame.at = 0;
  auto found = objects_.core_.inodes->get(frame.directory);
  if (found.code() == ENOENT) {
    frame.last = true;
    return {};
  }
  const InodeRef directory = TRY(std::move(found));
  ReaderLock lock(directory->mutex);
  if (directory->exists())
    frame.names = TRY(objects_.core_.rows->names_from(frame.directory, frame.from, kNamesOfAPage));
  frame.last = frame.names.size() < kNamesOfAPage;
  if (!frame.last) frame.from = frame.names.back().name + '\0';
  return {};
}

Status ObjectWalk::seek(const std::string& key) {
  frames_.clear();
  InodeId directory = bucket_;
  std::string prefix;
  std::string_view rest = key;
  while (true) {
    const std::size_t slash = rest.find('/');
    const std::string_view component = rest.substr(0, slash);
    const std::string from(slash == std::string_view::npos ? component : std::string(component) + '/');
    TRY_VOID(open_frame(directory, prefix, from));
    auto found = objects_.core_.inodes->get(directory);
    if (found.code() == ENOENT) return {};
    const InodeRef inode = TRY(std::move(found));
    // Directories that stand before `from` as names and behind it as keys.
    const auto child_of = [&](std::string_view name) -> Result<InodeId> {
      if (name.empty() || name.size() > kNameBytesMax) return InodeId{};
      const auto row = TRY(objects_.look(inode, name));
      return row && row->type == DT_DIR ? row->child : InodeId{};
    };
    for (std::size_t length = 1; length < component.size(); ++length) {
      if (static_cast<unsigned char>(component[length]) >= '/') continue;
      const InodeId child = TRY(child_of(component.substr(0, length)));
      if (child != InodeId{})
        frames_.back().waiting.push_back({std::string(component.substr(0, length)), child});
    }
    if (slash == std::string_view::npos) return {};
    const InodeId child = TRY(child_of(component));
    if (child == InodeId{}) return {};
    prefix += std::string(component) + '/';
    rest.remove_prefix(slash + 1);
    if (rest.empty()) {
      // The directory itself may be the first key, which is "prefix" to the byte.
      frames_.back().waiting.push_back({std::string(component), child});
      return {};
    }
    directory = child;
  }
}

Result<std::optional<ObjectWalk::Found>> ObjectWalk::descend(const Frame& frame, const Child& child) {
  const std::string prefix = frame.prefix + child.name + '/';
  if (frames_.size() >= kFramesMax || prefix.size() > kKeyBytesMax) return std::optional<Found>();
  TRY_VOID(open_frame(child.inode, prefix, ""));
  auto inode = objects_.core_.inodes->get(child.inode);
  if (inode.code() == ENOENT) return std::optional<Found>();
  const InodeRef directory = TRY(std::move(inode));
  ReaderLock lock(directory->mutex);
  const bool shown = directory->exists() && (directory->row.flags & meta::kImplicitDirectory) == 0;
  return shown ? std::optional(Found{prefix, child.inode}) : std::nullopt;
}

Result<std::optional<ObjectWalk::Found>> ObjectWalk::next() {
  while (!frames_.empty()) {
    Frame& frame = frames_.back();
    TRY_VOID(fill(frame));
    const bool has_name = frame.at < frame.names.size();
    if (!has_name && !frame.last) continue;
    if (!frame.waiting.empty()) {
      if (!has_name || frame.waiting.back().name + '/' < frame.names[frame.at].name) {
        const Child child = std::move(frame.waiting.back());
        frame.waiting.pop_back();
        if (auto found = TRY(descend(frame, child))) return found;
        continue;
      }
    } else if (!has_name) {
      frames_.pop_back();
      continue;
    }
    const meta::NameEntry& entry = frame.names[frame.at++];
    if (entry.row.type == DT_DIR) {
      frame.waiting.push_back({entry.name, entry.row.child});
    } else if (entry.row.type == DT_REG && frame.prefix.size() + entry.name.size() <= kKeyBytesMax) {
      return std::optional(Found{frame.prefix + entry.name, entry.row.child});
    }
  }
  return std::optional<Found>();
}

// --- pages ---

std::optional<ObjectInfo> Objects::info_if_there(InodeId id, bool notes) {
  const auto inode = core_.inodes->get(id);
  if (!inode.ok()) return std::nullopt;
  ReaderLock lock((*inode)->mutex);
  if (!(*inode)->exists() || (*inode)->row.links == 0) return std::nullopt;
  auto info = info_of(**inode, notes);
  if (!info.ok()) return std::nullopt;
  return *std::move(info);
}

Result<ObjectPage> Objects::buckets(std::string_view start_after, std::size_t limit) {
  limit = std::clamp<std::size_t>(limit, 1, kListLimitMax);
  const InodeRef root = TRY(core_.inodes->get(kRootInode));
  ObjectPage page;
  std::string from = start_after.empty() ? std::string() : std::string(start_after) + '\0';
  while (true) {
    std::vector<meta::NameEntry> names;
    {
      ReaderLock lock(root->mutex);
      names = TRY(core_.rows->names_from(kRootInode, from, kNamesOfAPage));
    }
    for (const meta::NameEntry& entry : names) {
      if (entry.row.type != DT_DIR || entry.name.starts_with(kReservedPrefix)) continue;
      auto info = info_if_there(entry.row.child, /*notes=*/true);
      if (!info) continue;
      if (page.entries.size() == limit) {
        page.more = true;
        return page;
      }
      page.entries.push_back({.key = entry.name, .common_prefix = false, .info = *std::move(info)});
    }
    if (names.size() < kNamesOfAPage) return page;
    from = names.back().name + '\0';
  }
}

namespace {

// The first string behind everything that begins with `prefix`; empty: there is none.
std::string behind(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xFF) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

}  // namespace

Result<ObjectPage> Objects::list(const ObjectList& list) {
  const InodeRef bucket = TRY(bucket_directory(list.bucket));
  const std::size_t limit = std::min(list.limit, kListLimitMax);
  ObjectPage page;
  ObjectWalk walk(*this, bucket->id);
  const auto common_of = [&](const std::string& key) -> std::string {
    if (list.delimiter.empty()) return {};
    const std::size_t at = key.find(list.delimiter, list.prefix.size());
    return at == std::string::npos ? std::string() : key.substr(0, at + list.delimiter.size());
  };
  std::string from = list.prefix;
  if (!list.start_after.empty() && list.start_after >= list.prefix) {
    from = list.start_after + '\0';
    // Behind a common prefix is behind everything that it stands for.
    if (list.start_after.starts_with(list.prefix)) {
      const std::string common = common_of(list.start_after);
      if (!common.empty() && common == list.start_after) from = behind(common);
      if (from.empty()) return page;
    }
  }
  if (limit == 0) return page;
  TRY_VOID(walk.seek(from));
  while (true) {
    const auto found = TRY(walk.next());
    if (!found || !found->key.starts_with(list.prefix)) return page;
    ObjectEntry entry;
    entry.key = common_of(found->key);
    entry.common_prefix = !entry.key.empty();
    if (!entry.common_prefix) {
      auto info = info_if_there(found->inode, list.notes);
      if (!info) continue;
      entry.key = found->key;
      entry.info = *std::move(info);
    }
    if (page.entries.size() == limit) {
      page.more = true;
      return page;
    }
    page.entries.push_back(std::move(entry));
    if (!page.entries.back().common_prefix) continue;
    const std::string next = behind(page.entries.back().key);
    if (next.empty()) return page;
    TRY_VOID(walk.seek(next));
  }
}

}  // namespace ciaos::engine
