#include "fuse/operations.h"

#include <fcntl.h>

#include <algorithm>
#include <thread>

#include "base/log.h"
#include "engine/acl.h"
#include "engine/twins.h"
#include "fuse/file_flags.h"
#include "fuse/init_hook.h"
#include "fuse/listing.h"
#include "fuse/reply.h"
#include "fuse/request_buffer.h"
#include "fuse/session.h"
#include "fuse/translate.h"

namespace ciaos::fuse {
namespace {

engine::Caller caller_of(fuse_req_t req) { return fuse::caller_of(*fuse_req_ctx(req)); }

bool passes_large_files(Session& session) {
  const OpenMode mode = session.open_mode;
  if (mode != OpenMode::passthrough && mode != OpenMode::automatic) return false;
  const bool read_only = session.engine->read_only();
  if (mode == OpenMode::automatic && !(read_only && session.engine->twins().are_worth_it())) return false;
  session.passthrough_possible =
      read_only ? check_passthrough(session) : Status(fail(EINVAL, "only with ro"));
  if (session.passthrough_possible.ok()) return true;
  log(LogLevel::info, "no file is read without the daemon: {}",
      to_string(session.passthrough_possible.error()));
  return false;
}

void on_init(void* userdata, fuse_conn_info* connection) noexcept {
  Session& session = *static_cast<Session*>(userdata);
  const unsigned wanted = FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_CACHE_SYMLINKS | FUSE_CAP_EXPLICIT_INVAL_DATA |
                          FUSE_CAP_POSIX_ACL | FUSE_CAP_DONT_MASK | FUSE_CAP_EXPORT_SUPPORT;
  connection->want |= connection->capable & wanted;
#ifdef FUSE_CAP_HANDLE_KILLPRIV_V2
  connection->want |= connection->capable & FUSE_CAP_HANDLE_KILLPRIV_V2;
#endif
  // AUTO_INVAL_DATA drops a file's pages after each write of ours, and wins over EXPLICIT_INVAL_DATA if both are set.
  // Splicing was measured to be no faster than one copy from an aligned buffer.
  connection->want &=
      ~(FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
  // A data set that is only read is worth one full listing: no lookup is needed afterwards. A mount that is written to
  // leaves the choice to the kernel, which takes attributes along when somebody asks for them.
  if (session.engine->read_only()) connection->want &= ~FUSE_CAP_READDIRPLUS_AUTO;
  connection->max_write = kRequestBytesMax;
  connection->max_background = std::clamp(16 * std::thread::hardware_concurrency(), 64u, 1024u);
  connection->congestion_threshold = connection->max_background * 3 / 4;
  connection->time_gran = 1;
  if (passes_large_files(session))
    session.passthrough = std::make_unique<Passthrough>(*session.engine, session.handle);
  // On a read-only mount no file changes and none goes, so there is nothing to open: a lookup has pinned it already.
  const bool wanted_unopened =
      session.open_mode == OpenMode::none || (session.open_mode == OpenMode::automatic &&
                                              session.engine->read_only() && session.passthrough == nullptr);
  session.open_unneeded = wanted_unopened && (connection->capable & FUSE_CAP_NO_OPEN_SUPPORT) != 0;
  // An open that nobody hears of truncates nothing: the kernel has to ask for it by itself.
  if (session.open_unneeded) connection->want &= ~FUSE_CAP_ATOMIC_O_TRUNC;
  session.opendir_unneeded = (connection->capable & FUSE_CAP_NO_OPENDIR_SUPPORT) != 0;
  session.init_flags_missing = init_flags_that_libfuse_forgets(*connection);
}

void on_lookup(fuse_req_t req, fuse_ino_t parent, const char* name) noexcept {
  reply_lookup(req, engine_of(req).lookup(InodeId(parent), name));
}

void on_forget(fuse_req_t req, fuse_ino_t inode, std::uint64_t pins) noexcept {
  engine_of(req).forget(InodeId(inode), pins);
  fuse_reply_none(req);
}

void on_forget_multi(fuse_req_t req, std::size_t count, fuse_forget_data* forgets) noexcept {
  for (std::size_t i = 0; i < count; ++i) engine_of(req).forget(InodeId(forgets[i].ino), forgets[i].nlookup);
  fuse_reply_none(req);
}

void on_getattr(fuse_req_t req, fuse_ino_t inode, fuse_file_info*) noexcept {
  reply_attributes(req, engine_of(req).getattr(InodeId(inode)));
}

void on_setattr(fuse_req_t req, fuse_ino_t inode, struct stat* wanted, int to_set, fuse_file_info*) noexcept {
  const engine::Caller caller = caller_of(req);
  const engine::SetAttributes set = set_attributes_of(*wanted, to_set, caller);
  reply_attributes(req, engine_of(req).setattr(caller, InodeId(inode), set), valid_seconds_after(to_set));
}

void on_readlink(fuse_req_t req, fuse_ino_t inode) noexcept {
  reply_link_target(req, engine_of(req).readlink(InodeId(inode)));
}

void on_mknod(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode, dev_t device) noexcept {
  reply_entry(req, engine_of(req).mknod(caller_of(req), InodeId(parent), name, mode, device));
}

void on_mkdir(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode) noexcept {
  reply_entry(req, engine_of(req).mkdir(caller_of(req), InodeId(parent), name, mode));
}

void on_unlink(fuse_req_t req, fuse_ino_t parent, const char* name) noexcept {
  reply_status(req, engine_of(req).unlink(InodeId(parent), name));
}

void on_rmdir(fuse_req_t req, fuse_ino_t parent, const char* name) noexcept {
  reply_status(req, engine_of(req).rmdir(InodeId(parent), name));
}

void on_symlink(fuse_req_t req, const char* target, fuse_ino_t parent, const char* name) noexcept {
  reply_entry(req, engine_of(req).symlink(caller_of(req), InodeId(parent), name, target));
}

void on_rename(fuse_req_t req, fuse_ino_t parent, const char* name, fuse_ino_t new_parent,
               const char* new_name, unsigned flags) noexcept {
  const auto rename = rename_of(InodeId(parent), name, InodeId(new_parent), new_name, flags, caller_of(req));
  reply_status(req, rename ? engine_of(req).rename(*rename) : Status(rename.error()));
}

void on_link(fuse_req_t req, fuse_ino_t inode, fuse_ino_t new_parent, const char* new_name) noexcept {
  reply_entry(req, engine_of(req).link(InodeId(inode), InodeId(new_parent), new_name));
}

void on_open(fuse_req_t req, fuse_ino_t inode, fuse_file_info* file) noexcept {
  if (session_of(req).open_unneeded) return reply_error(req, fail(ENOSYS));
  reply_opened(req, engine_of(req).open(caller_of(req), InodeId(inode), open_mode_of(file->flags)), *file);
}

void on_read(fuse_req_t req, fuse_ino_t inode, std::size_t bytes, off_t offset, fuse_file_info*) noexcept {
  const MutableByteSpan buffer = request_buffer(bytes);
  if (offset == 0)
    session_of(req).forecast.note_read(static_cast<std::uint32_t>(fuse_req_ctx(req)->pid), InodeId(inode));
  reply_bytes(req, buffer, engine_of(req).read(InodeId(inode), static_cast<std::uint64_t>(offset), buffer));
}

// O_SYNC and O_DSYNC promise the bytes on stable storage before write(2) returns.
Result<std::size_t> write_and_sync(fuse_req_t req, InodeId inode, std::uint64_t offset, ByteSpan from,
                                   const fuse_file_info& file) {
  engine::Engine& engine = engine_of(req);
  const std::size_t count = TRY(engine.write(inode, offset, from, write_mode_of(file, caller_of(req))));
  if (asks_for_sync(file.flags)) TRY_VOID(engine.fsync(inode));
  return count;
}

void on_write(fuse_req_t req, fuse_ino_t inode, const char* from, std::size_t bytes, off_t offset,
              fuse_file_info* file) noexcept {
  reply_count(req, write_and_sync(req, InodeId(inode), static_cast<std::uint64_t>(offset),
                                  as_bytes({from, bytes}), *file));
}

void on_lseek(fuse_req_t req, fuse_ino_t inode, off_t offset, int whence, fuse_file_info*) noexcept {
  const auto what = seek_of(whence);
  reply_position(req, what ? engine_of(req).seek(InodeId(inode), static_cast<std::uint64_t>(offset), *what)
                           : Result<std::uint64_t>(what.error()));
}

void on_fallocate(fuse_req_t req, fuse_ino_t inode, int mode, off_t offset, off_t length,
                  fuse_file_info*) noexcept {
  const auto change = range_change_of(mode, offset, length, caller_of(req));
  reply_status(req, change ? engine_of(req).change_range(InodeId(inode), *change) : Status(change.error()));
}

void on_copy_file_range(fuse_req_t req, fuse_ino_t from, off_t from_offset, fuse_file_info*, fuse_ino_t to,
                        off_t to_offset, fuse_file_info*, std::size_t bytes, int flags) noexcept {
  const engine::CloneRange range{.from = InodeId(from),
                                 .from_offset = static_cast<std::uint64_t>(from_offset),
                                 .to = InodeId(to),
                                 .to_offset = static_cast<std::uint64_t>(to_offset),
                                 .length = bytes,
                                 .clears_set_id = caller_of(req).uid != 0};
  reply_count(req, flags == 0 ? engine_of(req).clone_range(range) : Result<std::uint64_t>(fail(EINVAL)));
}

void on_ioctl(fuse_req_t req, fuse_ino_t inode, unsigned command, void*, fuse_file_info*, unsigned,
              const void* in, std::size_t in_bytes, std::size_t out_bytes) noexcept {
  reply_ioctl(req, InodeId(inode), command, {static_cast<const std::byte*>(in), in_bytes}, out_bytes);
}

void on_release(fuse_req_t req, fuse_ino_t inode, fuse_file_info* file) noexcept {
  if (Passthrough* const passthrough = session_of(req).passthrough.get(); passthrough != nullptr)
    passthrough->closed(InodeId(inode), file->fh);
  engine_of(req).release(InodeId(inode));
  fuse_reply_err(req, 0);
}

void on_fsync(fuse_req_t req, fuse_ino_t inode, int, fuse_file_info*) noexcept {
  reply_status(req, engine_of(req).fsync(InodeId(inode)));
}

void on_opendir(fuse_req_t req, fuse_ino_t, fuse_file_info* file) noexcept {
  // A position is all that a listing needs, so a directory has nothing to open.
  if (session_of(req).opendir_unneeded) return reply_error(req, fail(ENOSYS));
  reply_directory_opened(req, *file);
}

void on_readdir(fuse_req_t req, fuse_ino_t inode, std::size_t bytes, off_t after, fuse_file_info*) noexcept {
  reply_listing(req, InodeId(inode), static_cast<std::uint64_t>(after), bytes, ListingKind::names);
}

void on_readdirplus(fuse_req_t req, fuse_ino_t inode, std::size_t bytes, off_t after,
                    fuse_file_info*) noexcept {
  reply_listing(req, InodeId(inode), static_cast<std::uint64_t>(after), bytes,
                ListingKind::names_with_attributes);
}

void on_releasedir(fuse_req_t req, fuse_ino_t, fuse_file_info*) noexcept { fuse_reply_err(req, 0); }

void on_statfs(fuse_req_t req, fuse_ino_t inode) noexcept {
  const struct statvfs out = statvfs_of(engine_of(req).statfs(InodeId(inode)));
  fuse_reply_statfs(req, &out);
}

// The kernel has no word in this request for "the caller is not in the file's group", so the engine finds out.
std::vector<gid_t> further_groups_of(fuse_req_t req) {
  std::vector<gid_t> groups;
  int count = fuse_req_getgroups(req, 0, nullptr);
  while (count > static_cast<int>(groups.size())) {
    groups.resize(static_cast<std::size_t>(count));
    count = fuse_req_getgroups(req, count, groups.data());
  }
  groups.resize(static_cast<std::size_t>(std::max(count, 0)));
  return groups;
}

Status set_xattr(fuse_req_t req, InodeId inode, std::string_view name, std::string_view value, int flags) {
  const engine::XattrMode mode = TRY(xattr_mode_of(flags));
  engine::Caller caller = caller_of(req);
  std::vector<gid_t> groups;
  if (engine::is_acl_name(name)) groups = further_groups_of(req);
  caller.groups = groups;
  return engine_of(req).setxattr(caller, inode, name, value, mode);
}

void on_setxattr(fuse_req_t req, fuse_ino_t inode, const char* name, const char* value, std::size_t bytes,
                 int flags) noexcept {
  reply_status(req, set_xattr(req, InodeId(inode), name, {value, bytes}, flags));
}

void on_getxattr(fuse_req_t req, fuse_ino_t inode, const char* name, std::size_t bytes) noexcept {
  reply_sized(req, engine_of(req).getxattr(InodeId(inode), name), bytes);
}

void on_listxattr(fuse_req_t req, fuse_ino_t inode, std::size_t bytes) noexcept {
  const auto names = engine_of(req).listxattr(caller_of(req), InodeId(inode));
  reply_sized(req, names ? Result(joined_names(*names)) : Result<std::string>(names.error()), bytes);
}

void on_removexattr(fuse_req_t req, fuse_ino_t inode, const char* name) noexcept {
  reply_status(req, engine_of(req).removexattr(InodeId(inode), name));
}

// CREATE comes when the kernel believes that there is no such name. Where it was mistaken, open(2) without O_EXCL opens
// what is there.
Result<engine::Attributes> create_or_open(fuse_req_t req, InodeId parent, std::string_view name,
                                          std::uint32_t mode, int flags) {
  engine::Engine& engine = engine_of(req);
  auto created = engine.create(caller_of(req), parent, name, mode);
  if (created.code() != EEXIST || (flags & O_EXCL) != 0) return created;
  const engine::Attributes there = TRY(engine.lookup(parent, name));
  auto opened = engine.open(caller_of(req), there.inode, open_mode_of(flags));
  if (!opened) engine.forget(there.inode, 1);
  return opened;
}

void on_create(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode,
               fuse_file_info* file) noexcept {
  reply_created(req, create_or_open(req, InodeId(parent), name, mode, file->flags), *file);
}

}  // namespace

fuse_lowlevel_ops operations() {
  fuse_lowlevel_ops table{};
  table.init = on_init;
  table.lookup = on_lookup;
  table.forget = on_forget;
  table.forget_multi = on_forget_multi;
  table.getattr = on_getattr;
  table.setattr = on_setattr;
  table.readlink = on_readlink;
  table.mknod = on_mknod;
  table.mkdir = on_mkdir;
  table.unlink = on_unlink;
  table.rmdir = on_rmdir;
  table.symlink = on_symlink;
  table.rename = on_rename;
  table.link = on_link;
  table.open = on_open;
  table.read = on_read;
  table.write = on_write;
  table.release = on_release;
  table.fsync = on_fsync;
  table.opendir = on_opendir;
  table.readdir = on_readdir;
  table.readdirplus = on_readdirplus;
  table.releasedir = on_releasedir;
  table.fsyncdir = on_fsync;
  table.statfs = on_statfs;
  table.setxattr = on_setxattr;
  table.getxattr = on_getxattr;
  table.listxattr = on_listxattr;
  table.removexattr = on_removexattr;
  table.create = on_create;
  table.ioctl = on_ioctl;
  table.lseek = on_lseek;
  table.fallocate = on_fallocate;
  table.copy_file_range = on_copy_file_range;
  return table;
}

}  // namespace ciaos::fuse
