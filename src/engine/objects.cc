#include "engine/objects.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>

#include "engine/object_rows.h"
#include "engine/protection.h"
#include "engine/rules.h"

namespace ciaos::engine {
namespace {

using meta::NameRow;
using meta::XattrKey;
using meta::XattrRow;

bool is_implicit(const Inode& inode) { return (inode.row.flags & meta::kImplicitDirectory) != 0; }

// Deeper than this no key can go.
constexpr int kDepthMax = static_cast<int>(kKeyBytesMax);

}  // namespace

Caller caller_of(const ObjectOwner& owner) {
  return {.uid = owner.uid, .gid = owner.gid, .umask = 0, .groups = {}};
}

void Objects::tell_name(const Inode& directory, std::string_view name) {
  if (core_.watch.name_changed) core_.watch.name_changed(directory.id, std::string(name));
}

void Objects::tell_inode(InodeId inode) {
  if (core_.watch.inode_changed) core_.watch.inode_changed(inode);
}

Status Objects::make_durable(InodeId inode) {
  return core_.committer->commit_through(core_.rows->last_change(inode));
}

// --- finding ---

Result<std::optional<NameRow>> Objects::look(const InodeRef& directory, std::string_view name) {
  ReaderLock lock(directory->mutex);
  if (!directory->exists()) return fail(ENOENT);
  if (!directory->is_directory()) return fail(ENOTDIR);
  return names_.find(directory->id, name);
}

Result<InodeRef> Objects::enter(const InodeRef& directory, std::string_view name, Missing missing,
                                const ObjectOwner& owner) {
  while (true) {
    const std::optional<NameRow> row = TRY(look(directory, name));
    if (row && row->type != DT_DIR) return fail(ENOTDIR);
    if (row) {
      auto child = core_.inodes->get(row->child);
      if (child.code() == ENOENT) continue;  // it went between the two
      return child;
    }
    if (missing == Missing::fail) return fail(ENOENT);
    const std::uint32_t flags = missing == Missing::make_implicit ? meta::kImplicitDirectory : 0;
    const Names::NewInode wanted{.mode = S_IFDIR | (owner.directory_mode & 07777), .flags = flags};
    const auto made = names_.make(caller_of(owner), directory->id, name, wanted, /*pins=*/0);
    if (!made.ok() && made.code() != EEXIST) return made.error();
    tell_name(*directory, name);
  }
}

Result<InodeRef> Objects::bucket_directory(std::string_view bucket) {
  TRY_VOID(check_bucket(bucket));
  const InodeRef root = TRY(core_.inodes->get(kRootInode));
  auto directory = enter(root, bucket, Missing::fail, {});
  if (directory.code() == ENOENT || directory.code() == ENOTDIR) return fail(ENXIO);
  return directory;
}

Result<Objects::Place> Objects::place_of(const ObjectPath& path, Missing missing, const ObjectOwner& owner) {
  const KeyParts parts = TRY(split_key(path));
  if (parts.directories.empty()) {
    TRY_VOID(check_bucket(path.bucket));
    return Place{TRY(core_.inodes->get(kRootInode)), path.bucket};
  }
  InodeRef directory = TRY(bucket_directory(path.bucket));
  for (std::size_t i = 1; i < parts.directories.size(); ++i) {
    auto next = enter(directory, parts.directories[i], missing, owner);
    if (next.code() == ENOENT && missing != Missing::fail) {
      directory = TRY(bucket_directory(path.bucket));  // somebody took away what was just passed
      i = 0;
      continue;
    }
    directory = TRY(std::move(next));
  }
  return Place{std::move(directory), std::string(parts.name)};
}

Result<ObjectInfo> Objects::info_of(const Inode& inode, bool notes) {
  ObjectInfo info;
  info.inode = inode.id;
  info.directory = inode.is_directory();
  info.size = info.directory ? 0 : inode.row.size;
  info.modified = inode.row.modified;
  info.change = inode.row.change;
  if (!notes) return info;
  const std::optional<XattrRow> kept = TRY(core_.rows->xattr(inode.id, kNotesRow));
  if (kept) {
    std::optional<NotesRow> row = decode_notes(kept->value);
    if (!row) return fail(EUCLEAN, "the notes of an object do not decode");
    info.notes = std::move(row->notes);
    // A directory changes with the names in it, which says nothing of the object that it is.
    if (!info.directory && row->change != inode.row.change) {
      info.notes.etag.clear();
      info.notes.facts.clear();
    }
  }
  if (info.notes.etag.empty()) info.notes.etag = etag_of_change(inode.id, inode.row.change);
  return info;
}

Result<ObjectInfo> Objects::info_at(const InodeRef& directory, std::string_view name, bool wants_directory,
                                    bool pin) {
  while (true) {
    const std::optional<NameRow> row = TRY(look(directory, name));
    if (!row) return fail(ENOENT);
    auto found = core_.inodes->get(row->child);
    if (found.code() == ENOENT) continue;
    const InodeRef inode = TRY(std::move(found));
    ReaderLock lock(inode->mutex);
    if (!inode->exists() || inode->row.links == 0) continue;
    if (inode->is_directory() != wants_directory) return fail(wants_directory ? ENOENT : EISDIR);
    if (wants_directory && directory->id != kRootInode && is_implicit(*inode)) return fail(ENOENT);
    if (!wants_directory && !S_ISREG(inode->row.mode)) return fail(ENOENT);
    ObjectInfo info = TRY(info_of(*inode, /*notes=*/true));
    if (pin) {
      core_.pins.add(inode->id);
      ++core_.open_files;
    }
    return info;
  }
}

Result<ObjectInfo> Objects::lookup(const ObjectPath& path) {
  auto place = place_of(path, Missing::fail, {});
  if (place.code() == ENOTDIR) return fail(ENOENT);  // there is nothing below an object
  const Place at = TRY(std::move(place));
  auto info = info_at(at.directory, at.name, path.key.empty() || path.key.ends_with('/'), /*pin=*/false);
  if (path.key.empty() && info.code() == ENOENT) return fail(ENXIO);
  return info.code() == EISDIR ? Result<ObjectInfo>(fail(ENOENT)) : std::move(info);
}

Result<ObjectInfo> Objects::open(const ObjectPath& path) {
  auto place = place_of(path, Missing::fail, {});
  if (place.code() == ENOTDIR) return fail(ENOENT);
  const Place at = TRY(std::move(place));
  auto info = info_at(at.directory, at.name, path.key.ends_with('/'), /*pin=*/true);
  return info.code() == EISDIR ? Result<ObjectInfo>(fail(ENOENT)) : std::move(info);
}

// --- buckets ---

Status Objects::create_bucket(std::string_view bucket, const ObjectOwner& owner, const Labels& labels) {
  TRY_VOID(check_writable());
  TRY_VOID(check_bucket(bucket));
  const Names::NewInode wanted{.mode = S_IFDIR | (owner.directory_mode & 07777)};
  const Attributes made = TRY(names_.make(caller_of(owner), kRootInode, bucket, wanted, /*pins=*/0));
  if (!labels.empty()) TRY_VOID(set_labels({std::string(bucket), ""}, labels));
  if (core_.watch.name_changed) core_.watch.name_changed(kRootInode, std::string(bucket));
  return make_durable(made.inode);
}

// Empty implicit directories are what a crash or a hand on the mount may leave of keys that are gone.
Status Objects::remove_implicit_below(InodeId id, int depth) {
  if (depth > kDepthMax) return {};
  const InodeRef directory = TRY(core_.inodes->get(id));
  std::string from;
  while (true) {
    std::vector<meta::NameEntry> entries;
    {
      ReaderLock lock(directory->mutex);
      if (!directory->exists()) return {};
      entries = TRY(core_.rows->names_from(id, from, 256));
    }
    for (const meta::NameEntry& entry : entries) {
      if (entry.row.type != DT_DIR) return fail(ENOTEMPTY);
      TRY_VOID(remove_implicit_below(entry.row.child, depth + 1));
      TRY_VOID(remove_at(directory, entry.name, [](const Inode& child) -> Status {
        return is_implicit(child) ? Status{} : Status(fail(ENOTEMPTY));
      }));
    }
    if (entries.size() < 256) return {};
    from = entries.back().name + '\0';
  }
}

Status Objects::remove_bucket(std::string_view bucket) {
  TRY_VOID(check_writable());
  const InodeRef directory = TRY(bucket_directory(bucket));
  TRY_VOID(remove_implicit_below(directory->id, 0));
  const InodeRef root = TRY(core_.inodes->get(kRootInode));
  TRY_VOID(remove_at(root, bucket, [](const Inode&) -> Status { return {}; }));
  return make_durable(kRootInode);
}

// --- removing ---

Status Objects::remove_at(const InodeRef& directory, std::string_view name,
                          const std::function<Status(const Inode&)>& may) {
  TRY_VOID(core_.committer->admit());
  InodeId doomed;
  InodeId removed;
  while (removed == InodeId{}) {
    const std::optional<NameRow> row = TRY(look(directory, name));
    if (!row) return fail(ENOENT);
    auto found = core_.inodes->get(row->child);
    if (found.code() == ENOENT) continue;
    const InodeRef child = TRY(std::move(found));
    const Gate::Pass pass = TRY(core_.committer->enter(kRecordsPerName));
    InodeLocks locks{&*directory, &*child};
    if (!directory->exists()) return fail(ENOENT);
    if (TRY(names_.find(directory->id, name)) != row || !child->exists()) continue;
    TRY_VOID(may(*child));
    if (child->is_directory() && child->row.entries > 0) return fail(ENOTEMPTY);
    TRY_VOID(check_gives_away(directory->row, child->row));
    names_.remove_name(*directory, name);
    if (child->is_directory()) --directory->row.links;
    names_.touch(*directory, /*contents=*/true);
    removed = child->id;
    if (names_.drop_link(*child)) doomed = child->id;
  }
  tell_name(*directory, name);
  tell_inode(removed);
  return doomed == InodeId{} ? Status{} : names_.destroy(doomed);
}

void Objects::prune(const ObjectPath& path) {
  const auto parts = split_key(path);
  if (!parts.ok()) return;
  std::vector<InodeRef> way;
  auto bucket = bucket_directory(path.bucket);
  if (!bucket.ok()) return;
  way.push_back(*std::move(bucket));
  for (std::size_t i = 1; i < parts->directories.size(); ++i) {
    auto next = enter(way.back(), parts->directories[i], Missing::fail, {});
    if (!next.ok()) break;
    way.push_back(*std::move(next));
  }
  // Whoever finds one that is in use, or is no longer implicit, finds a reason for all above it.
  for (std::size_t i = way.size(); --i > 0;) {
    const Status removed = remove_at(way[i - 1], parts->directories[i], [](const Inode& child) -> Status {
      return is_implicit(child) && child.is_directory() ? Status{} : Status(fail(ENOTEMPTY));
    });
    if (!removed.ok()) return;
  }
}

Status Objects::remove(const ObjectPath& path, const ObjectCondition& condition) {
  TRY_VOID(check_writable());
  auto place = place_of(path, Missing::fail, {});
  if (place.code() == ENOTDIR) return fail(ENOENT);
  const Place at = TRY(std::move(place));
  const bool directory = path.key.ends_with('/');
  const Status removed = remove_at(at.directory, at.name, [&](const Inode& child) -> Status {
    if (directory ? !child.is_directory() || is_implicit(child) : !S_ISREG(child.row.mode))
      return fail(ENOENT);
    if (condition.empty()) return {};
    const ObjectInfo info = TRY(info_of(child, /*notes=*/true));
    return check_condition(condition, &info);
  });
  if (directory && removed.code() == ENOTEMPTY) {
    // What lies below it stays; the object that the directory was is gone.
    const InodeRef inode = TRY(enter(at.directory, at.name, Missing::fail, {}));
    const Gate::Pass pass = TRY(core_.committer->enter(kRecordsPerName));
    WriterLock lock(inode->mutex);
    if (!inode->exists()) return fail(ENOENT);
    inode->row.flags |= meta::kImplicitDirectory;
    core_.rows->erase(XattrKey{inode->id, std::string(kNotesRow)});
    core_.rows->put(inode->id, inode->row);
  } else {
    TRY_VOID(Status(removed));
    prune(path);
  }
  return make_durable(at.directory->id);
}

Status Objects::rename(const ObjectPath& from, const ObjectPath& to, const ObjectOwner& owner) {
  TRY_VOID(check_writable());
  const ObjectInfo info = TRY(lookup(from));
  if (from == to) return {};
  if (info.directory || to.key.ends_with('/')) return fail(EISDIR);
  const auto try_once = [&]() -> Result<Place> {
    const Place source = TRY(place_of(from, Missing::fail, {}));
    Place target = TRY(place_of(to, Missing::make_implicit, owner));
    TRY_VOID(names_.rename({.parent = source.directory->id,
                            .name = source.name,
                            .new_parent = target.directory->id,
                            .new_name = target.name,
                            .no_replace = true,
                            .exchange = false}));
    tell_name(*source.directory, source.name);
    tell_name(*target.directory, target.name);
    tell_inode(info.inode);
    return target;
  };
  auto done = try_once();
  // The directory that was made for it may have gone again, empty as it was.
  while (done.code() == ENOENT && lookup(from).ok()) done = try_once();
  if (!done.ok()) {
    prune(to);
    return std::move(done).error();
  }
  prune(from);
  TRY_VOID(make_durable(info.inode));
  return make_durable((*done).directory->id);
}

}  // namespace ciaos::engine
