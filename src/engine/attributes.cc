#include "engine/attributes.h"

#include <sys/stat.h>

#include "engine/inode_acls.h"
#include "engine/object_rows.h"
#include "engine/privileges.h"
#include "engine/protection.h"
#include "engine/quota_attributes.h"
#include "engine/rules.h"

namespace ciaos::engine {
namespace {

constexpr std::uint64_t kRecordsPerAttribute = 1024;
constexpr std::size_t kXattrNameBytesMax = 255;
constexpr std::size_t kXattrListBytesMax = 65536;  // what listxattr(2) can return

// Which namespaces there are. Of system.* only access control lists are known.
Status check_xattr_name(std::string_view name) {
  if (name.size() > kXattrNameBytesMax) return fail(ERANGE);
  if (is_acl_name(name)) return {};
  for (const std::string_view prefix : {"user.", "trusted.", "security."}) {
    if (name.starts_with(prefix)) return name.size() > prefix.size() ? Status{} : Status{fail(EINVAL)};
  }
  return fail(EOPNOTSUPP);
}

// relatime, as mount(8) tells it: when the last access is not after the last change, or a day old.
template <typename Times>
bool access_is_stale(const Times& row, const Timestamp& now, AtimePolicy policy) {
  if (policy == AtimePolicy::strict) return true;
  return row.accessed <= row.modified || row.accessed <= row.changed ||
         now.seconds - row.accessed.seconds >= 86400;
}

// SETATTR of nothing is how the kernel says that set-id bits and capabilities have to go: before the write of an
// unprivileged caller, and for a chown to nobody else.
bool sets_nothing(const SetAttributes& set) {
  return !set.mode && !set.uid && !set.gid && !set.size && !set.accessed && !set.modified &&
         !set.accessed_now && !set.modified_now;
}

// The kernel checks no right for that, and a chown to nobody else looks like the write of somebody who was handed an open
// file. So a stranger takes nothing away and hears of no error; if it was a write, that drops them itself.
bool may_drop(const Caller& caller, const Inode& inode) {
  const bool nothing_there =
      without_set_id(inode.row.mode) == inode.row.mode && inode.capability == Capability::absent;
  return nothing_there || caller.uid == 0 || caller.uid == inode.row.uid;
}

// Times that are set to now are what a write sets; everything else is a change of attributes.
Status check_may_set(const meta::InodeRow& row, const SetAttributes& set) {
  if (set.mode || set.uid || set.gid || set.size || set.accessed || set.modified)
    return check_changeable(row);
  return check_writable(row.flags, /*appends=*/true);
}

}  // namespace

void InodeAttributes::touch(Inode& inode) {
  // Somebody cares for it: it no longer goes by itself.
  inode.row.flags &= ~meta::kImplicitDirectory;
  inode.row.changed = core_.clock.now();
  core_.rows->put(inode.id, inode.row);
}

Result<Attributes> InodeAttributes::get(InodeId id) {
  const InodeRef inode = TRY(core_.inodes->get(id));
  ReaderLock lock(inode->mutex);
  if (!inode->exists()) return fail(ENOENT);
  return attributes_of(id, inode->row, inode->buffer.bytes());
}

Result<Attributes> InodeAttributes::set(const Caller& caller, InodeId id, const SetAttributes& set) {
  TRY_VOID(core_.committer->admit());
  const InodeRef inode = TRY(core_.inodes->get(id));
  const std::size_t cut = set.size ? TRY(files_.shorten(*inode, *set.size, set.clears_set_id)) : 0;
  const Gate::Pass pass =
      TRY(core_.committer->enter(kRecordsPerAttribute + 2 * cut * meta::kExtentRecordBytes));
  WriterLock lock(inode->mutex);
  if (!inode->exists()) return fail(ENOENT);
  TRY_VOID(check_may_set(inode->row, set));
  TRY_VOID(learn_capability(*core_.rows, *inode));
  if (sets_nothing(set) && !may_drop(caller, *inode))
    return attributes_of(id, inode->row, inode->buffer.bytes());
  meta::InodeRow& row = inode->row;
  const Timestamp now = core_.clock.now();
  std::optional<Acl> acl;
  if (set.mode && !S_ISLNK(row.mode)) acl = TRY(acl_of(core_, *inode, kAccessAclName));
  if (set.size) {
    if (S_ISDIR(row.mode)) return fail(EISDIR);
    if (!S_ISREG(row.mode)) return fail(EINVAL);
    TRY_VOID(files_.resize(*inode, *set.size));
    row.modified = now;
    ++row.change;
    drop_privileges(*core_.rows, *inode, set.clears_set_id);
  }
  row.uid = set.uid.value_or(row.uid);
  row.gid = set.gid.value_or(row.gid);
  if (set.uid || set.gid || sets_nothing(set)) drop_privileges(*core_.rows, *inode, /*clears_set_id=*/true);
  if (set.mode) row.mode = (row.mode & S_IFMT) | (*set.mode & 07777);
  if (acl) {
    apply_mode(*acl, *set.mode);
    put_acl(core_, *inode, kAccessAclName, acl);
  }
  if (set.accessed_now) row.accessed = now;
  if (set.accessed) row.accessed = *set.accessed;
  if (set.modified_now) row.modified = now;
  if (set.modified) row.modified = *set.modified;
  row.flags &= ~meta::kImplicitDirectory;
  row.changed = now;
  core_.rows->put(id, row);
  return attributes_of(id, row, inode->buffer.bytes());
}

Status InodeAttributes::set_flags(const Caller& caller, InodeId id, std::uint32_t flags) {
  if ((flags & ~kFlagsSettable) != 0) return fail(EOPNOTSUPP);
  TRY_VOID(core_.committer->admit());
  const InodeRef inode = TRY(core_.inodes->get(id));
  const Gate::Pass pass = TRY(core_.committer->enter(kRecordsPerAttribute));
  WriterLock lock(inode->mutex);
  if (!inode->exists()) return fail(ENOENT);
  if (((inode->row.flags ^ flags) & kFlagsProtected) != 0 && caller.uid != 0) return fail(EPERM);
  inode->row.flags = flags;
  touch(*inode);
  return {};
}

bool InodeAttributes::notes_access(const Attributes& attributes) const {
  return core_.options.atime != AtimePolicy::none && !core_.read_only() &&
         access_is_stale(attributes, core_.clock.now(), core_.options.atime);
}

void InodeAttributes::note_access(InodeId id) {
  if (core_.options.atime == AtimePolicy::none || core_.read_only()) return;
  auto inode = core_.inodes->get(id);
  if (!inode.ok()) return;
  const Timestamp now = core_.clock.now();
  {
    ReaderLock lock((*inode)->mutex);
    if (!access_is_stale((*inode)->row, now, core_.options.atime)) return;
  }
  if (!core_.committer->admit().ok()) return;
  const auto pass = core_.committer->enter(kRecordsPerAttribute);
  if (!pass.ok()) return;
  WriterLock lock((*inode)->mutex);
  if (!(*inode)->exists()) return;
  (*inode)->row.accessed = now;
  core_.rows->put(id, (*inode)->row);
}

Result<std::string> InodeAttributes::readlink(InodeId id) {
  const InodeRef inode = TRY(core_.inodes->get(id));
  ReaderLock lock(inode->mutex);
  if (!inode->exists()) return fail(ENOENT);
  if (!S_ISLNK(inode->row.mode)) return fail(EINVAL);
  return inode->row.content;
}

Result<std::string> InodeAttributes::get_xattr(InodeId id, std::string_view name) {
  TRY_VOID(check_xattr_name(name));
  const InodeRef inode = TRY(core_.inodes->get(id));
  ReaderLock lock(inode->mutex);
  if (!inode->exists()) return fail(ENOENT);
  if (is_quota_name(name)) return get_quota(core_, *inode, name);
  std::optional<meta::XattrRow> row = TRY(core_.rows->xattr(id, name));
  if (!row) return fail(ENODATA);
  return std::move(row->value);
}

Result<std::vector<std::string>> InodeAttributes::list_xattrs(const Caller& caller, InodeId id) {
  const InodeRef inode = TRY(core_.inodes->get(id));
  ReaderLock lock(inode->mutex);
  if (!inode->exists()) return fail(ENOENT);
  std::vector<std::string> names = TRY(core_.rows->xattr_names(id));
  std::erase_if(names, [](const std::string& name) { return name.starts_with(kObjectPrefix); });
  if (caller.uid != 0)
    std::erase_if(names, [](const std::string& name) { return name.starts_with("trusted."); });
  return names;
}

Status InodeAttributes::set_xattr(const Caller& caller, InodeId id, std::string_view name,
                                  std::string_view value, XattrMode mode) {
  TRY_VOID(check_xattr_name(name));
  if (value.size() > (is_acl_name(name) ? kAclBytesMax : kXattrBytesMax)) return fail(E2BIG);
  TRY_VOID(core_.committer->admit());
  TRY_VOID(core_.promise_space(kRecordsPerAttribute + value.size()));
  core_.pool->release(kRecordsPerAttribute + value.size());
  const InodeRef inode = TRY(core_.inodes->get(id));
  const Gate::Pass pass = TRY(core_.committer->enter(kRecordsPerAttribute + value.size()));
  WriterLock lock(inode->mutex);
  if (!inode->exists()) return fail(ENOENT);
  const bool plain = S_ISREG(inode->row.mode) || S_ISDIR(inode->row.mode);
  if (name.starts_with("user.") && !plain) return fail(EPERM);
  TRY_VOID(check_changeable(inode->row));
  if (is_quota_name(name)) {
    TRY_VOID(set_quota(core_, *inode, name, value, mode));
    touch(*inode);
    return {};
  }
  const bool there = TRY(core_.rows->xattr(id, name)).has_value();
  if (there && mode == XattrMode::create) return fail(EEXIST);
  if (!there && mode == XattrMode::replace) return fail(ENODATA);
  if (!there) {
    std::size_t list_bytes = name.size() + 1;
    for (const std::string& other : TRY(core_.rows->xattr_names(id))) {
      if (!other.starts_with(kObjectPrefix)) list_bytes += other.size() + 1;
    }
    if (list_bytes > kXattrListBytesMax) return fail(E2BIG);
  }
  if (is_acl_name(name)) {
    if (!TRY(set_acl(core_, caller, *inode, name, value))) return {};
  } else {
    core_.rows->put(meta::XattrKey{id, std::string(name)}, meta::XattrRow{std::string(value)});
  }
  if (name == kCapabilityXattr) inode->capability = Capability::present;
  touch(*inode);
  return {};
}

Status InodeAttributes::remove_xattr(InodeId id, std::string_view name) {
  TRY_VOID(check_xattr_name(name));
  TRY_VOID(core_.committer->admit());
  const InodeRef inode = TRY(core_.inodes->get(id));
  const Gate::Pass pass = TRY(core_.committer->enter(kRecordsPerAttribute));
  WriterLock lock(inode->mutex);
  if (!inode->exists()) return fail(ENOENT);
  TRY_VOID(check_changeable(inode->row));
  if (is_quota_name(name)) {
    TRY_VOID(remove_quota(core_, *inode, name));
  } else if (is_acl_name(name)) {
    // Whoever takes a list away that is not there has what they wanted, on every filesystem with lists.
    if (!TRY(acl_of(core_, *inode, name))) return {};
    put_acl(core_, *inode, name, std::nullopt);
  } else {
    if (!TRY(core_.rows->xattr(id, name)).has_value()) return fail(ENODATA);
    core_.rows->erase(meta::XattrKey{id, std::string(name)});
  }
  if (name == kCapabilityXattr) inode->capability = Capability::absent;
  touch(*inode);
  return {};
}

}  // namespace ciaos::engine
