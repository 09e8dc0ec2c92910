#include "support/model_filesystem.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace ciaos::test {

using engine::Attributes;
using engine::Caller;
using engine::Rename;
using engine::SetAttributes;

namespace {

constexpr std::uint32_t kPermissionBits = 07777;

Status check_component(std::string_view name) {
  if (name.empty() || name == "." || name == "..") return fail(EINVAL);
  if (name.find('/') != std::string_view::npos || name.find('\0') != std::string_view::npos)
    return fail(EINVAL);
  if (name.size() > engine::kNameBytesMax) return fail(ENAMETOOLONG);
  return {};
}

// The group's bit only counts together with the group's right to execute; without it, it once meant locking.
std::uint32_t without_set_id(std::uint32_t mode) {
  if ((mode & S_IXGRP) != 0) mode &= ~static_cast<std::uint32_t>(S_ISGID);
  return mode & ~static_cast<std::uint32_t>(S_ISUID);
}

}  // namespace

bool ModelInode::is_directory() const { return S_ISDIR(attributes.mode); }
bool ModelInode::is_regular() const { return S_ISREG(attributes.mode); }

ModelFilesystem::ModelFilesystem(const Attributes& root, Clock& clock) : clock_(&clock) {
  auto inode = std::make_shared<ModelInode>();
  inode->attributes = root;
  inode->parent = root.inode;
  inodes_[root.inode] = std::move(inode);
}

// --- names ---

Result<InodeId> ModelFilesystem::check_old_name(InodeId parent, std::string_view name) const {
  TRY_VOID(check_component(name));
  const ModelInode* directory = find(parent);
  if (directory == nullptr) return fail(ENOENT);
  if (!directory->is_directory()) return fail(ENOTDIR);
  const auto entry = directory->names.find(std::string(name));
  if (entry == directory->names.end()) return fail(ENOENT);
  return entry->second;
}

Status ModelFilesystem::check_new_name(InodeId parent, std::string_view name) const {
  TRY_VOID(check_component(name));
  const ModelInode* directory = find(parent);
  if (directory == nullptr) return fail(ENOENT);
  if (!directory->is_directory()) return fail(ENOTDIR);
  if (directory->attributes.links == 0) return fail(ENOENT);
  if (directory->names.contains(std::string(name))) return fail(EEXIST);
  return {};
}

Result<InodeId> ModelFilesystem::lookup(InodeId parent, std::string_view name) const {
  return check_old_name(parent, name);
}

Result<InodeId> ModelFilesystem::add(const Caller& caller, InodeId parent, std::string_view name,
                                     std::uint32_t mode, InodeId number) {
  TRY_VOID(check_new_name(parent, name));
  auto inode = std::make_shared<ModelInode>();
  Attributes& attributes = inode->attributes;
  const Attributes& above = find(parent)->attributes;
  attributes.inode = number;
  attributes.mode = mode;
  attributes.uid = caller.uid;
  attributes.gid = caller.gid;
  attributes.links = S_ISDIR(mode) ? 2 : 1;
  if ((above.mode & S_ISGID) != 0) {
    attributes.gid = above.gid;
    if (S_ISDIR(mode)) attributes.mode |= S_ISGID;
  }
  attributes.accessed = attributes.modified = attributes.changed = attributes.born = clock_->now();
  if (S_ISREG(mode)) set_contents(*inode, {});
  if (S_ISDIR(mode)) inode->parent = parent;
  inodes_[number] = std::move(inode);

  ModelInode& directory = touch_contents(parent);
  directory.names[std::string(name)] = number;
  if (S_ISDIR(mode)) ++directory.attributes.links;
  return number;
}

Result<InodeId> ModelFilesystem::mknod(const Caller& caller, InodeId parent, std::string_view name,
                                       std::uint32_t mode, std::uint64_t device, InodeId number) {
  const std::uint32_t type = (mode & S_IFMT) == 0 ? S_IFREG : (mode & S_IFMT);
  TRY(add(caller, parent, name, type | (mode & kPermissionBits & ~caller.umask), number));
  if (S_ISCHR(type) || S_ISBLK(type)) change(number).attributes.device = device;
  return number;
}

Result<InodeId> ModelFilesystem::mkdir(const Caller& caller, InodeId parent, std::string_view name,
                                       std::uint32_t mode, InodeId number) {
  return add(caller, parent, name, S_IFDIR | (mode & kPermissionBits & ~caller.umask), number);
}

Result<InodeId> ModelFilesystem::symlink(const Caller& caller, InodeId parent, std::string_view name,
                                         std::string_view target, InodeId number) {
  if (target.empty()) return fail(ENOENT);
  if (target.size() > engine::kSymlinkBytesMax) return fail(ENAMETOOLONG);
  TRY(add(caller, parent, name, S_IFLNK | 0777, number));
  ModelInode& inode = change(number);
  inode.target = std::string(target);
  inode.attributes.size = target.size();
  return number;
}

Result<InodeId> ModelFilesystem::create(const Caller& caller, InodeId parent, std::string_view name,
                                        std::uint32_t mode, InodeId number) {
  TRY(add(caller, parent, name, S_IFREG | (mode & kPermissionBits & ~caller.umask), number));
  ++change(number).opens;
  return number;
}

Status ModelFilesystem::link(InodeId inode, InodeId parent, std::string_view name) {
  const ModelInode* source = find(inode);
  if (source == nullptr) return fail(ENOENT);
  if (source->is_directory()) return fail(EPERM);
  TRY_VOID(check_new_name(parent, name));
  if (source->attributes.links == 0) return fail(ENOENT);
  ++touch(inode).attributes.links;
  touch_contents(parent).names[std::string(name)] = inode;
  return {};
}

Status ModelFilesystem::unlink(InodeId parent, std::string_view name) {
  const InodeId inode = TRY(check_old_name(parent, name));
  if (find(inode)->is_directory()) return fail(EISDIR);
  touch_contents(parent).names.erase(std::string(name));
  drop_link(inode);
  return {};
}

Status ModelFilesystem::rmdir(InodeId parent, std::string_view name) {
  const InodeId inode = TRY(check_old_name(parent, name));
  if (!find(inode)->is_directory()) return fail(ENOTDIR);
  if (!find(inode)->names.empty()) return fail(ENOTEMPTY);
  ModelInode& directory = touch_contents(parent);
  directory.names.erase(std::string(name));
  --directory.attributes.links;
  drop_link(inode);
  return {};
}

Status ModelFilesystem::check_rename(const Rename& rename, InodeId source, InodeId target) const {
  if (rename.exchange && target == InodeId{}) return fail(ENOENT);
  if (rename.no_replace && target != InodeId{}) return fail(EEXIST);
  if (find(source)->is_directory() && is_below(rename.new_parent, source)) return fail(EINVAL);
  if (target != InodeId{} && find(target)->is_directory() && is_below(rename.parent, target)) {
    return fail(rename.exchange ? EINVAL : ENOTEMPTY);
  }
  if (find(rename.new_parent)->attributes.links == 0) return fail(ENOENT);
  if (target == InodeId{} || target == source || rename.exchange) return {};
  if (find(source)->is_directory()) {
    if (!find(target)->is_directory()) return fail(ENOTDIR);
    if (!find(target)->names.empty()) return fail(ENOTEMPTY);
  } else if (find(target)->is_directory()) {
    return fail(EISDIR);
  }
  return {};
}

Status ModelFilesystem::rename(const Rename& rename) {
  TRY_VOID(check_component(rename.new_name));
  TRY_VOID(check_component(rename.name));
  if (rename.no_replace && rename.exchange) return fail(EINVAL);
  const InodeId source = TRY(check_old_name(rename.parent, rename.name));
  const Result<InodeId> existing = check_old_name(rename.new_parent, rename.new_name);
  if (!existing.ok() && existing.code() != ENOENT) return existing.error();
  const InodeId target = existing.ok() ? *existing : InodeId{};
  TRY_VOID(check_rename(rename, source, target));
  if (target == source) return {};
  if (rename.exchange) {
    exchange(rename, source, target);
    return {};
  }
  const bool is_directory = find(source)->is_directory();
  if (target != InodeId{}) {
    if (is_directory) --change(rename.new_parent).attributes.links;
    drop_link(target);
  }
  touch_contents(rename.parent).names.erase(std::string(rename.name));
  touch_contents(rename.new_parent).names[std::string(rename.new_name)] = source;
  touch(source);
  if (is_directory) move_directory(source, rename.parent, rename.new_parent);
  return {};
}

void ModelFilesystem::exchange(const Rename& rename, InodeId source, InodeId target) {
  touch_contents(rename.parent).names[std::string(rename.name)] = target;
  touch_contents(rename.new_parent).names[std::string(rename.new_name)] = source;
  touch(source);
  touch(target);
  if (find(source)->is_directory()) move_directory(source, rename.parent, rename.new_parent);
  if (find(target)->is_directory()) move_directory(target, rename.new_parent, rename.parent);
}

void ModelFilesystem::move_directory(InodeId directory, InodeId from, InodeId to) {
  change(directory).parent = to;
  --change(from).attributes.links;
  ++change(to).attributes.links;
}

bool ModelFilesystem::is_below(InodeId inode, InodeId ancestor) const {
  for (;;) {
    if (inode == ancestor) return true;
    const ModelInode* directory = find(inode);
    if (directory == nullptr || directory->parent == inode) return false;
    inode = directory->parent;
  }
}

void ModelFilesystem::drop_link(InodeId inode) {
  ModelInode& dropped = touch(inode);
  dropped.attributes.links = dropped.is_directory() ? 0 : dropped.attributes.links - 1;
  if (dropped.attributes.links == 0 && dropped.opens == 0) inodes_.erase(inode);
}

Result<std::string> ModelFilesystem::readlink(InodeId inode) const {
  const ModelInode* found = find(inode);
  if (found == nullptr) return fail(ENOENT);
  if (!S_ISLNK(found->attributes.mode)) return fail(EINVAL);
  return found->target;
}

Result<std::vector<std::string>> ModelFilesystem::readdir(InodeId directory) const {
  const ModelInode* found = find(directory);
  if (found == nullptr) return fail(ENOENT);
  if (!found->is_directory()) return fail(ENOTDIR);
  std::vector<std::string> names;
  for (const auto& [name, child] : found->names) names.push_back(name);
  return names;
}

// --- attributes ---

Result<Attributes> ModelFilesystem::getattr(InodeId inode) const {
  const ModelInode* found = find(inode);
  if (found == nullptr) return fail(ENOENT);
  return found->attributes;
}

Result<Attributes> ModelFilesystem::setattr(const Caller& /*caller*/, InodeId inode,
                                            const SetAttributes& set) {
  const ModelInode* found = find(inode);
  if (found == nullptr) return fail(ENOENT);
  if (set.size) {
    if (found->is_directory()) return fail(EISDIR);
    if (!found->is_regular()) return fail(EINVAL);
    if (*set.size > engine::kFileBytesMax) return fail(EFBIG);
  }
  ModelInode& changed = touch(inode);
  Attributes& attributes = changed.attributes;
  if (set.mode) attributes.mode = (attributes.mode & S_IFMT) | (*set.mode & kPermissionBits);
  if (!changed.is_directory() && (set.clears_set_id || set.uid || set.gid)) {
    attributes.mode = without_set_id(attributes.mode);
  }
  if (set.uid) attributes.uid = *set.uid;
  if (set.gid) attributes.gid = *set.gid;
  if (set.size) {
    std::string bytes = changed.contents->bytes;
    bytes.resize(*set.size);
    set_contents(changed, std::move(bytes));
    attributes.modified = clock_->now();
  }
  if (set.accessed) attributes.accessed = *set.accessed;
  if (set.modified) attributes.modified = *set.modified;
  if (set.accessed_now) attributes.accessed = clock_->now();
  if (set.modified_now) attributes.modified = clock_->now();
  return attributes;
}

Result<std::string> ModelFilesystem::getxattr(InodeId inode, std::string_view name) const {
  const ModelInode* found = find(inode);
  if (found == nullptr) return fail(ENOENT);
  const auto xattr = found->xattrs.find(std::string(name));
  if (xattr == found->xattrs.end()) return fail(ENODATA);
  return xattr->second;
}

Result<std::vector<std::string>> ModelFilesystem::listxattr(InodeId inode) const {
  const ModelInode* found = find(inode);
  if (found == nullptr) return fail(ENOENT);
  std::vector<std::string> names;
  for (const auto& [name, value] : found->xattrs) names.push_back(name);
  return names;
}

Status ModelFilesystem::setxattr(InodeId inode, std::string_view name, std::string_view value,
                                 engine::XattrMode mode) {
  const ModelInode* found = find(inode);
  if (found == nullptr) return fail(ENOENT);
  if (value.size() > engine::kXattrBytesMax) return fail(E2BIG);
  const bool exists = found->xattrs.contains(std::string(name));
  if (mode == engine::XattrMode::create && exists) return fail(EEXIST);
  if (mode == engine::XattrMode::replace && !exists) return fail(ENODATA);
  touch(inode).xattrs[std::string(name)] = std::string(value);
  return {};
}

Status ModelFilesystem::removexattr(InodeId inode, std::string_view name) {
  const ModelInode* found = find(inode);
  if (found == nullptr) return fail(ENOENT);
  if (!found->xattrs.contains(std::string(name))) return fail(ENODATA);
  touch(inode).xattrs.erase(std::string(name));
  return {};
}

// --- contents ---

Status ModelFilesystem::open(const Caller& caller, InodeId inode, engine::Engine::OpenMode mode) {
  const ModelInode* found = find(inode);
  if (found == nullptr) return fail(ENOENT);
  if (found->is_directory() && (mode.write || mode.truncate)) return fail(EISDIR);
  if (mode.truncate) {
    SetAttributes empty;
    empty.size = 0;
    TRY(setattr(caller, inode, empty));
  }
  ++change(inode).opens;
  return {};
}

void ModelFilesystem::release(InodeId inode) {
  ModelInode& closed = change(inode);
  CIAOS_ASSERT(closed.opens > 0);
  --closed.opens;
  if (closed.opens == 0 && closed.attributes.links == 0) inodes_.erase(inode);
}

Result<std::string> ModelFilesystem::read(InodeId inode, std::uint64_t offset, std::size_t bytes) const {
  const ModelInode* found = find(inode);
  if (found == nullptr) return fail(ENOENT);
  if (found->is_directory()) return fail(EISDIR);
  if (!found->is_regular()) return fail(EINVAL);
  const std::string& contents = found->contents->bytes;
  if (offset >= contents.size()) return std::string();
  return contents.substr(offset, bytes);
}

Result<std::size_t> ModelFilesystem::write(InodeId inode, std::uint64_t offset, std::string_view bytes,
                                           engine::Engine::WriteMode mode) {
  const ModelInode* found = find(inode);
  if (found == nullptr) return fail(ENOENT);
  if (found->is_directory()) return fail(EISDIR);
  if (!found->is_regular()) return fail(EINVAL);
  if (bytes.empty()) return std::size_t{0};
  std::string contents = found->contents->bytes;
  if (mode.append) offset = contents.size();
  if (offset > engine::kFileBytesMax - bytes.size()) return fail(EFBIG);
  if (contents.size() < offset + bytes.size()) contents.resize(offset + bytes.size());
  std::copy(bytes.begin(), bytes.end(), contents.begin() + static_cast<std::ptrdiff_t>(offset));
  ModelInode& changed = touch_contents(inode);
  set_contents(changed, std::move(contents));
  if (mode.clears_set_id) changed.attributes.mode = without_set_id(changed.attributes.mode);
  return bytes.size();
}

Status ModelFilesystem::change_range(InodeId inode, const engine::RangeChange& range) {
  std::string contents = TRY(read(inode, 0, engine::kFileBytesMax));
  const std::uint64_t end = range.offset + range.length;
  if (!range.keep_size && contents.size() < end) contents.resize(end);
  if (range.kind != engine::RangeKind::reserve) {
    for (std::uint64_t at = range.offset; at < std::min<std::uint64_t>(end, contents.size()); ++at)
      contents[at] = '\0';
  }
  ModelInode& changed = touch_contents(inode);
  set_contents(changed, std::move(contents));
  if (range.clears_set_id) changed.attributes.mode = without_set_id(changed.attributes.mode);
  return {};
}

Result<std::uint64_t> ModelFilesystem::clone_range(const engine::CloneRange& range) {
  const std::string bytes = TRY(read(range.from, range.from_offset, range.length));
  TRY(read(range.to, 0, 0));
  const std::uint64_t apart = range.from_offset < range.to_offset ? range.to_offset - range.from_offset
                                                                  : range.from_offset - range.to_offset;
  if (range.from == range.to && apart < bytes.size()) return fail(EINVAL);
  return TRY(write(range.to, range.to_offset, bytes, {.clears_set_id = range.clears_set_id}));
}

void ModelFilesystem::close_all() {
  std::vector<InodeId> gone;
  std::vector<InodeId> open;
  for (const auto& [number, inode] : inodes_) {
    if (inode->attributes.links == 0)
      gone.push_back(number);
    else if (inode->opens > 0)
      open.push_back(number);
  }
  for (const InodeId inode : gone) inodes_.erase(inode);
  for (const InodeId inode : open) change(inode).opens = 0;
}

// --- the maps ---

const ModelInode* ModelFilesystem::find(InodeId inode) const {
  const auto found = inodes_.find(inode);
  return found == inodes_.end() ? nullptr : found->second.get();
}

ModelInode& ModelFilesystem::change(InodeId inode) {
  const auto found = inodes_.find(inode);
  CIAOS_ASSERT(found != inodes_.end());
  auto copy = std::make_shared<ModelInode>(*found->second);
  ModelInode& changed = *copy;
  found->second = std::move(copy);
  return changed;
}

ModelInode& ModelFilesystem::touch(InodeId inode) {
  ModelInode& changed = change(inode);
  changed.attributes.changed = clock_->now();
  return changed;
}

ModelInode& ModelFilesystem::touch_contents(InodeId inode) {
  ModelInode& changed = touch(inode);
  changed.attributes.modified = clock_->now();
  return changed;
}

void ModelFilesystem::set_contents(ModelInode& inode, std::string bytes) {
  inode.attributes.size = bytes.size();
  auto contents = std::make_shared<ModelContents>();
  contents->digest = digest_of(as_bytes(bytes));
  contents->bytes = std::move(bytes);
  inode.contents = std::move(contents);
}

}  // namespace ciaos::test
