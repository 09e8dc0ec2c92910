#include "engine/names.h"

#include <sys/stat.h>

#include "engine/inode_acls.h"
#include "engine/protection.h"
#include "engine/rules.h"
#include "meta/first_rows.h"

namespace ciaos::engine {
namespace {

using meta::InodeRow;
using meta::NameKey;
using meta::NameRow;

// What a new name can cost in log space, with two inherited access control lists; refused early on a full store, so that the
// room kept for deletions is not eaten by creations.
constexpr std::uint64_t kSpacePerName = kRecordsPerName + 2 * kAclBytesMax;
constexpr std::size_t kRowsPerStep = 5000;

// mkfs makes the root directory without knowing the engine.
static_assert(meta::kFirstPosition == kFirstNamePosition);

Status check_directory(const Inode& inode) {
  if (!inode.exists()) return fail(ENOENT);
  if (!S_ISDIR(inode.row.mode)) return fail(ENOTDIR);
  return {};
}

// New names need a directory that still has one itself.
Status check_accepts_names(const Inode& inode) {
  TRY_VOID(check_directory(inode));
  if (inode.row.links == 0) return fail(ENOENT);
  return {};
}

}  // namespace

Result<std::optional<NameRow>> Names::find(InodeId parent, std::string_view name) {
  const NameCache::Found cached = core_.names.find(parent, name);
  if (cached.known) return cached.row;
  std::optional<NameRow> row = TRY(core_.rows->name(parent, name));
  core_.names.remember(parent, name, row);
  return row;
}

Result<InodeRef> Names::child_of(Inode& directory, std::string_view name, const NameRow& row) {
  auto child = core_.inodes->get(row.child);
  if (child.code() != ENOENT) return child;
  ReaderLock lock(directory.mutex);
  const std::optional<NameRow> now = TRY(find(directory.id, name));
  if (now == row) return fail(EUCLEAN, "a name without its inode: " + std::string(name));
  return InodeRef();
}

Result<Attributes> Names::reach(InodeId id) {
  const InodeRef inode = TRY(core_.inodes->get(id));
  ReaderLock lock(inode->mutex);
  if (!inode->exists() || inode->row.links == 0) return fail(ENOENT);
  // Under the lock: an unlink that comes after sees the pin.
  core_.pins.add(id);
  return attributes_of(id, inode->row, inode->buffer.bytes());
}

Result<Attributes> Names::lookup(InodeId parent, std::string_view name) {
  if (name == ".") return reach(parent);
  if (name == "..") return reach(TRY(parent_of(parent)));
  TRY_VOID(check_name(name));
  const InodeRef directory = TRY(core_.inodes->get(parent));
  std::optional<NameRow> row;
  {
    ReaderLock lock(directory->mutex);
    TRY_VOID(check_directory(*directory));
    row = TRY(find(parent, name));
    if (!row) return fail(ENOENT);
    // Pinned under the directory's lock, so that an unlink that comes after sees the pin; the child's own lock is taken
    // when this one is gone, since its number may be the lower one.
    core_.pins.add(row->child);
  }
  auto child = core_.inodes->get(row->child);
  if (!child.ok()) {
    (void)core_.pins.drop(row->child, 1);
    if (child.code() == ENOENT) return fail(EUCLEAN, "a name without its inode: " + std::string(name));
    return child.error();
  }
  ReaderLock child_lock((*child)->mutex);
  return attributes_of(row->child, (*child)->row, (*child)->buffer.bytes());
}

Result<InodeId> Names::parent_of(InodeId directory) {
  const InodeRef inode = TRY(core_.inodes->get(directory));
  ReaderLock lock(inode->mutex);
  TRY_VOID(check_directory(*inode));
  return directory == kRootInode ? kRootInode : inode->row.parent;
}

Status Names::admit_new() {
  TRY_VOID(core_.committer->admit());
  TRY_VOID(core_.promise_space(kSpacePerName));
  core_.pool->release(kSpacePerName);
  return {};
}

InodeRef Names::allocate(const InodeRow& row, const QuotaRef& quota) {
  while (true) {
    InodeRef inode = core_.inodes->insert(InodeId(core_.next_inode.fetch_add(1)), row, quota);
    if (inode) return inode;
  }
}

void Names::touch(Inode& inode, bool contents) {
  inode.row.changed = core_.clock.now();
  if (contents) {
    inode.row.modified = inode.row.changed;
    ++inode.row.change;
  }
  core_.rows->put(inode.id, inode.row);
}

void Names::add_name(Inode& directory, std::string_view name, const Inode& child) {
  const NameRow row{child.id, directory.row.next_position++, type_of_mode(child.row.mode)};
  core_.rows->put(NameKey{directory.id, std::string(name)}, row);
  core_.names.remember(directory.id, name, row);
  ++directory.row.entries;
  if (child.is_directory()) ++directory.row.links;
}

void Names::redirect_name(Inode& directory, std::string_view name, const NameRow& old, const Inode& child) {
  const NameRow row{child.id, old.position, type_of_mode(child.row.mode)};
  core_.rows->put(NameKey{directory.id, std::string(name)}, row);
  core_.names.remember(directory.id, name, row);
  if (child.is_directory()) ++directory.row.links;
}

void Names::remove_name(Inode& directory, std::string_view name) {
  core_.rows->erase(NameKey{directory.id, std::string(name)});
  core_.names.remember(directory.id, name, std::nullopt);
  // A row that told too few: fsck.ciaos counts again.
  if (directory.row.entries > 0) --directory.row.entries;
}

Result<InodeRef> Names::make_inode(const Caller& caller, Inode& directory, const NewInode& wanted,
                                   std::uint64_t pins) {
  InodeRow row;
  std::optional<Acl> preset;
  if (!S_ISLNK(wanted.mode)) preset = TRY(acl_of(core_, directory, kDefaultAclName));
  const Inherited begin = preset ? inherit(*preset, wanted.mode)
                                 : Inherited{.mode = wanted.mode & ~(caller.umask & 0777), .access = {}};
  row.mode = begin.mode;
  row.uid = caller.uid;
  row.gid = caller.gid;
  row.links = wanted.links;
  row.flags = wanted.flags;
  row.device = wanted.device;
  row.content = wanted.target;
  row.size = wanted.target.size();
  row.accessed = row.modified = row.changed = row.born = core_.clock.now();
  if ((directory.row.mode & S_ISGID) != 0) {
    row.gid = directory.row.gid;
    if (S_ISDIR(row.mode)) row.mode |= S_ISGID;
  }
  if (S_ISDIR(row.mode)) {
    row.links = 2;
    row.parent = directory.id;
    row.next_position = kFirstNamePosition;
  }
  row.quota_root = directory.row.quota_root;
  TRY_VOID(core_.quotas->add_file(directory));
  InodeRef inode = allocate(row, directory.quota);
  for (std::uint64_t i = 0; i < pins; ++i) core_.pins.add(inode->id);
  ++core_.inode_count;
  core_.rows->put(inode->id, row);
  inode->no_access_acl = inode->no_default_acl = true;
  if (begin.access) put_acl(core_, *inode, kAccessAclName, begin.access);
  if (preset && inode->is_directory()) put_acl(core_, *inode, kDefaultAclName, preset);
  return inode;
}

Result<Attributes> Names::make(const Caller& caller, InodeId parent, std::string_view name,
                               const NewInode& wanted, std::uint64_t pins) {
  TRY_VOID(check_name(name));
  TRY_VOID(admit_new());
  const InodeRef directory = TRY(core_.inodes->get(parent));
  const Gate::Pass pass = TRY(core_.committer->enter(kRecordsPerName));
  WriterLock lock(directory->mutex);
  TRY_VOID(check_accepts_names(*directory));
  if (TRY(find(parent, name))) return fail(EEXIST);
  TRY_VOID(check_takes_names(directory->row));
  if (S_ISDIR(wanted.mode) && directory->row.links >= kLinksMax) return fail(EMLINK);
  const InodeRef inode = TRY(make_inode(caller, *directory, wanted, pins));
  if (inode->is_directory()) core_.names.begin(inode->id);
  add_name(*directory, name, *inode);
  touch(*directory, /*contents=*/true);
  return attributes_of(inode->id, inode->row, /*buffered_bytes=*/0);
}

Result<Attributes> Names::make_unnamed(const Caller& caller, InodeId parent, std::uint32_t mode,
                                       bool linkable) {
  TRY_VOID(admit_new());
  const InodeRef directory = TRY(core_.inodes->get(parent));
  const Gate::Pass pass = TRY(core_.committer->enter(kRecordsPerName));
  WriterLock lock(directory->mutex);
  TRY_VOID(check_accepts_names(*directory));
  TRY_VOID(check_takes_names(directory->row));
  const InodeRef inode =
      TRY(make_inode(caller, *directory, {.mode = mode, .device = 0, .target = {}, .links = 0}, /*pins=*/2));
  core_.orphans.add(inode->id, linkable);
  return attributes_of(inode->id, inode->row, /*buffered_bytes=*/0);
}

Result<Attributes> Names::link(InodeId id, InodeId parent, std::string_view name) {
  TRY_VOID(check_name(name));
  TRY_VOID(admit_new());
  const InodeRef inode = TRY(core_.inodes->get(id));
  const InodeRef directory = TRY(core_.inodes->get(parent));
  const Gate::Pass pass = TRY(core_.committer->enter(kRecordsPerName));
  InodeLocks locks{&*inode, &*directory};
  TRY_VOID(check_accepts_names(*directory));
  if (!inode->exists()) return fail(ENOENT);
  if (inode->is_directory()) return fail(EPERM);
  if (TRY(find(parent, name))) return fail(EEXIST);
  TRY_VOID(check_takes_names(directory->row));
  TRY_VOID(check_changeable(inode->row));
  if (inode->row.links == 0 && !core_.orphans.is_linkable(id)) return fail(ENOENT);
  if (!same_tree(*directory, *inode)) return fail(EXDEV);
  if (inode->row.links >= kLinksMax) return fail(EMLINK);
  if (++inode->row.links == 1) core_.orphans.remove(id);
  core_.pins.add(id);
  add_name(*directory, name, *inode);
  touch(*inode, /*contents=*/false);
  touch(*directory, /*contents=*/true);
  return attributes_of(id, inode->row, inode->buffer.bytes());
}

bool Names::drop_link(Inode& inode) {
  // A directory's own two links go together: it is only ever removed empty.
  inode.row.links = inode.is_directory() ? 0 : inode.row.links - 1;
  touch(inode, /*contents=*/false);
  if (inode.row.links > 0) return false;
  core_.orphans.add(inode.id, /*linkable=*/false);
  return !core_.pins.held(inode.id);
}

Status Names::unlink(InodeId parent, std::string_view name) {
  return remove(parent, name, /*directory=*/false);
}
Status Names::rmdir(InodeId parent, std::string_view name) {
  return remove(parent, name, /*directory=*/true);
}

Status Names::remove(InodeId parent, std::string_view name, bool directory) {
  TRY_VOID(check_name(name));
  TRY_VOID(core_.committer->admit());
  const InodeRef from = TRY(core_.inodes->get(parent));
  InodeId doomed;
  while (doomed == InodeId{}) {
    std::optional<NameRow> row;
    {
      ReaderLock lock(from->mutex);
      TRY_VOID(check_directory(*from));
      row = TRY(find(parent, name));
    }
    if (!row) return fail(ENOENT);
    const InodeRef child = TRY(child_of(*from, name, *row));
    if (!child) continue;
    const Gate::Pass pass = TRY(core_.committer->enter(kRecordsPerName));
    InodeLocks locks{&*from, &*child};
    TRY_VOID(check_directory(*from));
    const std::optional<NameRow> now = TRY(find(parent, name));
    if (!now || now->child != row->child || !child->exists())
      continue;  // it changed before the locks were there
    TRY_VOID(check_gives_away(from->row, child->row));
    if (directory && !child->is_directory()) return fail(ENOTDIR);
    if (!directory && child->is_directory()) return fail(EISDIR);
    if (directory && child->row.entries > 0) return fail(ENOTEMPTY);
    remove_name(*from, name);
    if (child->is_directory()) --from->row.links;
    touch(*from, /*contents=*/true);
    if (!drop_link(*child)) return {};
    doomed = child->id;
  }
  return destroy(doomed);
}

void Names::unpin(InodeId inode, std::uint64_t pins) {
  if (!core_.pins.drop(inode, pins) || !core_.orphans.contains(inode) || core_.read_only()) return;
  // What cannot be freed now is found again at the next start.
  (void)destroy(inode).ok();
}

Status Names::destroy(InodeId id) {
  auto found = core_.inodes->get(id);
  if (found.code() == ENOENT) return {};  // somebody was faster
  const InodeRef inode = TRY(std::move(found));
  const std::size_t steps = core_.rows_per_step(kRowsPerStep);
  while (true) {
    TRY_VOID(core_.committer->admit());
    const Gate::Pass pass = TRY(core_.committer->enter(2 * steps * meta::kExtentRecordBytes));
    WriterLock lock(inode->mutex);
    if (!inode->exists() || inode->row.links > 0) return {};  // or somebody has given it a name
    if (!TRY(files_.free_extents(*inode, steps))) {
      core_.rows->put(id, inode->row);
      continue;
    }
    for (std::string& name : TRY(core_.rows->xattr_names(id)))
      core_.rows->erase(meta::XattrKey{id, std::move(name)});
    core_.rows->erase(id);
    core_.quotas->remove_file(*inode);
    --core_.inode_count;
    inode->missing = fail(ENOENT);
    core_.orphans.remove(id);
    return {};
  }
}

}  // namespace ciaos::engine
