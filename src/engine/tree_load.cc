#include "engine/tree_load.h"

#include <sys/stat.h>

#include <algorithm>

#include "engine/acl.h"

namespace ciaos::engine {
namespace {

constexpr std::uint32_t kPermissions = 07777;

// Takes back the pin of a verb that answered with an inode.
class Pinned {
 public:
  Pinned(Engine& engine, InodeId inode, bool pinned = true)
      : engine_(engine), inode_(inode), pinned_(pinned) {}
  ~Pinned() {
    if (pinned_) engine_.forget(inode_, 1);
  }
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;
  void keep() { pinned_ = false; }

 private:
  Engine& engine_;
  const InodeId inode_;
  bool pinned_;
};

bool has_list(Engine& engine, InodeId inode, std::string_view name) {
  return engine.getxattr(inode, name).ok();
}

}  // namespace

TreeLoad::~TreeLoad() { leave(); }

void TreeLoad::leave() {
  if (has_entered_ && entered_ != directory_) engine_.forget(entered_, 1);
  has_entered_ = false;
}

Result<InodeId> TreeLoad::enter(std::string_view path) {
  if (has_entered_ && path == entered_path_) return entered_;
  leave();
  InodeId at = directory_;
  for (std::string_view rest = path; !rest.empty();) {
    const std::string_view name = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    const Pinned before(engine_, at, at != directory_);
    if (name.empty() || name == "." || name == "..") return fail(EINVAL, "no name in a path");
    const Attributes next = TRY(engine_.lookup(at, name));
    at = next.inode;
    if (!S_ISDIR(next.mode)) {
      engine_.forget(at, 1);
      return fail(ENOTDIR);
    }
  }
  entered_path_ = path;
  entered_ = at;
  has_entered_ = true;
  inherits_ = has_list(engine_, at, kDefaultAclName);
  return at;
}

Result<TreeLoad::Place> TreeLoad::place_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  const bool below = slash != std::string_view::npos;
  const std::string_view name = below ? path.substr(slash + 1) : path;
  const std::string_view parent = below ? path.substr(0, slash) : std::string_view();
  const bool doubled = below && (parent.empty() || parent.back() == '/');
  if (name == "." || name == ".." || doubled) return fail(EINVAL, "no name in a path");
  return Place{TRY(enter(parent)), std::string(name)};
}

Result<InodeId> TreeLoad::find(const Place& place) {
  return TRY(engine_.lookup(place.directory, place.name)).inode;
}

Status TreeLoad::apply(const LoadEntry& entry) {
  if (entry.path.empty()) return entry.ends ? finish(directory_, entry) : Status(fail(EINVAL));
  const Place place = TRY(place_of(entry.path));
  if (entry.hard_link) return link(place, entry);
  const InodeId inode = TRY(entry.begins ? make(place, entry) : find(place));
  const Pinned pinned(engine_, inode);
  TRY_VOID(write(inode, entry));
  return entry.ends ? finish(inode, entry) : Status{};
}

Result<InodeId> TreeLoad::make(const Place& place, const LoadEntry& entry) {
  const Caller caller{.uid = entry.uid, .gid = entry.gid, .umask = 0, .groups = {}};
  Result<InodeId> made = make_named(caller, place, entry);
  if (made.code() == EEXIST) {
    const Attributes there = TRY(engine_.lookup(place.directory, place.name));
    Pinned pinned(engine_, there.inode);
    if (S_ISDIR(there.mode) && S_ISDIR(entry.mode)) {
      pinned.keep();
      return there.inode;
    }
    if (S_ISDIR(there.mode)) return fail(EISDIR);
    if (S_ISDIR(entry.mode)) return fail(ENOTDIR);
    TRY_VOID(engine_.unlink(place.directory, place.name));
    made = make_named(caller, place, entry);
  }
  if (!made.ok()) return made;
  engine_.tell_name(place.directory, place.name);
  engine_.tell_inode(place.directory);
  return made;
}

Result<InodeId> TreeLoad::make_named(const Caller& caller, const Place& place, const LoadEntry& entry) {
  if (S_ISDIR(entry.mode))
    return TRY(engine_.mkdir(caller, place.directory, place.name, entry.mode & kPermissions)).inode;
  if (S_ISLNK(entry.mode))
    return TRY(engine_.symlink(caller, place.directory, place.name, entry.target)).inode;
  return TRY(engine_.mknod(caller, place.directory, place.name, entry.mode, entry.device)).inode;
}

Status TreeLoad::link(const Place& place, const LoadEntry& entry) {
  // By way of its own directory, and back: a name that is linked is mostly not far.
  const InodeId target = TRY(find(TRY(place_of(entry.target))));
  const Pinned pinned(engine_, target);
  const Place again = TRY(place_of(entry.path));
  auto made = engine_.link(target, again.directory, again.name);
  if (made.code() == EEXIST) {
    const Attributes there = TRY(engine_.lookup(again.directory, again.name));
    const Pinned other(engine_, there.inode);
    if (there.inode == target) return {};
    if (S_ISDIR(there.mode)) return fail(EISDIR);
    TRY_VOID(engine_.unlink(again.directory, again.name));
    made = engine_.link(target, again.directory, again.name);
  }
  if (!made.ok()) return made.error();
  engine_.forget(target, 1);
  engine_.tell_name(place.directory, place.name);
  engine_.tell_inode(place.directory);
  engine_.tell_inode(target);
  return {};
}

Status TreeLoad::write(InodeId inode, const LoadEntry& entry) {
  if (entry.pieces.empty()) return {};
  // An open file's bytes stay in its buffer; closed, they become a needle beside what is loaded next.
  (void)TRY(engine_.open({}, inode, {.write = true}));
  Status written;
  for (const LoadPiece& piece : entry.pieces) {
    for (std::uint64_t done = 0; done < piece.length && written.ok();) {
      const auto bytes = bytes_(piece.at + done, std::min(kReadBytes, piece.length - done));
      if (!bytes.ok()) {
        written = bytes.error();
        break;
      }
      const auto taken = engine_.write(inode, piece.offset + done, *bytes, {});
      if (!taken.ok()) written = taken.error();
      done += bytes->size();
    }
  }
  engine_.release(inode);
  return written;
}

// In this order, since each moves something of those behind it: an owner takes set-id bits away, a list of access the mode, all
// of them move times.
Status TreeLoad::finish(InodeId inode, const LoadEntry& entry) {
  const Attributes is = TRY(engine_.getattr(inode));
  if (is.uid != entry.uid || is.gid != entry.gid)
    (void)TRY(engine_.setattr({}, inode, {.uid = entry.uid, .gid = entry.gid}));
  if (S_ISREG(entry.mode) && is.size != entry.size)
    (void)TRY(engine_.setattr({}, inode, {.size = entry.size}));
  const auto brings = [&](std::string_view list) {
    return std::ranges::any_of(entry.xattrs, [&](const auto& xattr) { return xattr.first == list; });
  };
  // What the directory gave it is not what it had.
  if (inherits_ && !S_ISLNK(entry.mode)) {
    for (const std::string_view list : {kAccessAclName, kDefaultAclName}) {
      if (!brings(list) && has_list(engine_, inode, list)) TRY_VOID(engine_.removexattr(inode, list));
    }
  }
  SetAttributes last{.accessed = entry.accessed, .modified = entry.modified};
  if (!S_ISLNK(entry.mode) && !entry.xattrs.empty())
    (void)TRY(engine_.setattr({}, inode, {.mode = entry.mode & kPermissions}));
  for (const auto& [name, value] : entry.xattrs)
    TRY_VOID(engine_.setxattr({}, inode, name, value, XattrMode::any));
  if (!S_ISLNK(entry.mode) && !brings(kAccessAclName)) last.mode = entry.mode & kPermissions;
  (void)TRY(engine_.setattr({}, inode, last));
  if (S_ISDIR(entry.mode) || !entry.begins) engine_.tell_inode(inode);
  return {};
}

}  // namespace ciaos::engine
