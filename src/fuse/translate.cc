#include "fuse/translate.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fuse/session.h"

namespace ciaos::fuse {
namespace {

// st_blksize: what stdio, Python and cp take as the size of their buffers. Every flush of such a buffer is a request.
constexpr blksize_t kPreferredIoBytes = 128 * 1024;

timespec timespec_of(const Timestamp& time) {
  return {.tv_sec = time.seconds, .tv_nsec = static_cast<long>(time.nanoseconds)};
}

Timestamp timestamp_of(const timespec& time) {
  return {.seconds = time.tv_sec, .nanoseconds = static_cast<std::uint32_t>(time.tv_nsec)};
}

}  // namespace

struct stat stat_of(const engine::Attributes& attributes) {
  struct stat out {};
  out.st_ino = attributes.inode.value();
  out.st_mode = attributes.mode;
  out.st_nlink = attributes.links;
  out.st_uid = attributes.uid;
  out.st_gid = attributes.gid;
  out.st_rdev = attributes.device;
  out.st_size = static_cast<off_t>(attributes.size);
  out.st_blksize = kPreferredIoBytes;
  out.st_blocks = static_cast<blkcnt_t>(attributes.blocks512);
  out.st_atim = timespec_of(attributes.accessed);
  out.st_mtim = timespec_of(attributes.modified);
  out.st_ctim = timespec_of(attributes.changed);
  return out;
}

double valid_seconds_of(const engine::Attributes& attributes) {
  const bool set_id = S_ISREG(attributes.mode) && (attributes.mode & (S_ISUID | S_ISGID)) != 0;
  return set_id || attributes.is_report ? 0 : kCacheSeconds;
}

fuse_entry_param entry_of(const engine::Attributes& attributes) {
  fuse_entry_param entry{};
  entry.ino = attributes.inode.value();
  entry.generation = 0;  // inode numbers are never reused
  entry.attr = stat_of(attributes);
  entry.attr_timeout = valid_seconds_of(attributes);
  entry.entry_timeout = attributes.is_report ? 0 : kCacheSeconds;
  return entry;
}

fuse_entry_param negative_entry() {
  fuse_entry_param entry{};
  entry.entry_timeout = kCacheSeconds;
  return entry;
}

struct statvfs statvfs_of(const engine::FilesystemStatistics& statistics) {
  struct statvfs out {};
  out.f_bsize = statistics.block_bytes;
  out.f_frsize = statistics.block_bytes;
  out.f_blocks = statistics.bytes_total / statistics.block_bytes;
  out.f_bfree = statistics.bytes_free / statistics.block_bytes;
  out.f_bavail = out.f_bfree;
  out.f_files = statistics.inodes + statistics.inodes_free;
  out.f_ffree = statistics.inodes_free;
  out.f_favail = statistics.inodes_free;
  out.f_namemax = statistics.name_bytes_max;
  return out;
}

engine::Caller caller_of(const fuse_ctx& context) {
  return {.uid = context.uid, .gid = context.gid, .umask = context.umask, .groups = {}};
}

engine::SetAttributes set_attributes_of(const struct stat& wanted, int to_set, const engine::Caller& caller) {
  engine::SetAttributes set;
  if (to_set & FUSE_SET_ATTR_MODE) set.mode = wanted.st_mode & 07777;
  if (to_set & FUSE_SET_ATTR_UID) set.uid = wanted.st_uid;
  if (to_set & FUSE_SET_ATTR_GID) set.gid = wanted.st_gid;
  if (to_set & FUSE_SET_ATTR_SIZE) {
    set.size = static_cast<std::uint64_t>(wanted.st_size);
    set.clears_set_id = caller.uid != 0;
  }
  // NOW comes with the plain bit set as well, and its time field means nothing.
  if (to_set & FUSE_SET_ATTR_ATIME_NOW) {
    set.accessed_now = true;
  } else if (to_set & FUSE_SET_ATTR_ATIME) {
    set.accessed = timestamp_of(wanted.st_atim);
  }
  if (to_set & FUSE_SET_ATTR_MTIME_NOW) {
    set.modified_now = true;
  } else if (to_set & FUSE_SET_ATTR_MTIME) {
    set.modified = timestamp_of(wanted.st_mtim);
  }
  return set;
}

double valid_seconds_after(int to_set) { return to_set == 0 ? 0 : kCacheSeconds; }

Result<engine::Rename> rename_of(InodeId parent, std::string_view name, InodeId new_parent,
                                 std::string_view new_name, unsigned flags, const engine::Caller& caller) {
  if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) != 0) return fail(EINVAL);
  return engine::Rename{.parent = parent,
                        .name = name,
                        .new_parent = new_parent,
                        .new_name = new_name,
                        .no_replace = (flags & RENAME_NOREPLACE) != 0,
                        .exchange = (flags & RENAME_EXCHANGE) != 0,
                        .whiteout = (flags & RENAME_WHITEOUT) != 0,
                        .caller = caller};
}

Result<engine::XattrMode> xattr_mode_of(int flags) {
  if ((flags & ~(XATTR_CREATE | XATTR_REPLACE)) != 0) return fail(EINVAL);
  if ((flags & XATTR_CREATE) != 0) return engine::XattrMode::create;
  return flags == 0 ? engine::XattrMode::any : engine::XattrMode::replace;
}

engine::Engine::OpenMode open_mode_of(int flags) {
  return {.write = (flags & O_ACCMODE) != O_RDONLY,
          .truncate = (flags & O_TRUNC) != 0,
          .append = (flags & O_APPEND) != 0};
}

bool asks_for_sync(int flags) { return (flags & (O_SYNC | O_DSYNC)) != 0; }

engine::Engine::WriteMode write_mode_of(const fuse_file_info& file, const engine::Caller& caller) {
  return {.append = (file.flags & O_APPEND) != 0 && !file.writepage, .clears_set_id = caller.uid != 0};
}

Result<engine::SeekTo> seek_of(int whence) {
  if (whence == SEEK_DATA) return engine::SeekTo::data;
  if (whence == SEEK_HOLE) return engine::SeekTo::hole;
  return fail(EINVAL);
}

Result<engine::RangeChange> range_change_of(int mode, off_t offset, off_t length,
                                            const engine::Caller& caller) {
  if (offset < 0 || length <= 0) return fail(EINVAL);
  engine::RangeChange change{.offset = static_cast<std::uint64_t>(offset),
                             .length = static_cast<std::uint64_t>(length),
                             .keep_size = (mode & FALLOC_FL_KEEP_SIZE) != 0,
                             .clears_set_id = caller.uid != 0};
  if (mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)) {
    change.kind = engine::RangeKind::punch;
  } else if ((mode & ~FALLOC_FL_KEEP_SIZE) == FALLOC_FL_ZERO_RANGE) {
    change.kind = engine::RangeKind::zero;
  } else if ((mode & ~FALLOC_FL_KEEP_SIZE) == 0) {
    change.kind = engine::RangeKind::reserve;
  } else {
    return fail(EOPNOTSUPP);
  }
  return change;
}

std::string joined_names(const std::vector<std::string>& names) {
  std::string joined;
  for (const std::string& name : names) {
    joined += name;
    joined.push_back('\0');
  }
  return joined;
}

}  // namespace ciaos::fuse
