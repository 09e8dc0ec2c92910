#include "fuse/tmpfile.h"

#include <fcntl.h>
#include <linux/fuse.h>

#include <cstring>

#include "fuse/raw_reply.h"
#include "fuse/translate.h"

namespace ciaos::fuse {
namespace {

// What the kernel reads behind the header of the reply.
struct Opened {
  fuse_entry_out entry{};
  fuse_open_out file{};
};
static_assert(sizeof(Opened) == sizeof(fuse_entry_out) + sizeof(fuse_open_out));

fuse_attr attr_of(const struct stat& from) {
  fuse_attr attr{};
  attr.ino = from.st_ino;
  attr.size = static_cast<std::uint64_t>(from.st_size);
  attr.blocks = static_cast<std::uint64_t>(from.st_blocks);
  attr.atime = static_cast<std::uint64_t>(from.st_atim.tv_sec);
  attr.mtime = static_cast<std::uint64_t>(from.st_mtim.tv_sec);
  attr.ctime = static_cast<std::uint64_t>(from.st_ctim.tv_sec);
  attr.atimensec = static_cast<std::uint32_t>(from.st_atim.tv_nsec);
  attr.mtimensec = static_cast<std::uint32_t>(from.st_mtim.tv_nsec);
  attr.ctimensec = static_cast<std::uint32_t>(from.st_ctim.tv_nsec);
  attr.mode = from.st_mode;
  attr.nlink = static_cast<std::uint32_t>(from.st_nlink);
  attr.uid = from.st_uid;
  attr.gid = from.st_gid;
  attr.blksize = static_cast<std::uint32_t>(from.st_blksize);
  return attr;
}

Opened opened_of(const engine::Attributes& attributes) {
  const fuse_entry_param entry = entry_of(attributes);
  Opened out;
  out.entry.nodeid = entry.ino;
  out.entry.generation = entry.generation;
  out.entry.entry_valid = static_cast<std::uint64_t>(entry.entry_timeout);
  out.entry.attr_valid = static_cast<std::uint64_t>(entry.attr_timeout);
  out.entry.attr = attr_of(entry.attr);
  out.file.open_flags = FOPEN_KEEP_CACHE;
  return out;
}

void answer(engine::Engine& engine, int fd, const fuse_in_header& header, const fuse_create_in& wanted) {
  const engine::Caller caller{.uid = header.uid, .gid = header.gid, .umask = wanted.umask, .groups = {}};
  const bool linkable = (wanted.flags & O_EXCL) == 0;
  const auto made = engine.create_unnamed(caller, InodeId(header.nodeid), wanted.mode, linkable);
  if (!made) return send_raw_error(fd, header.unique, made.error());
  Opened opened = opened_of(*made);
  if (send_raw(fd, header.unique, std::as_writable_bytes(std::span(&opened, 1)))) return;
  engine.release(made->inode);
  engine.forget(made->inode, 1);
}

}  // namespace

bool answer_tmpfile(Session& session, int fd, ByteSpan request) noexcept {
  fuse_in_header header{};
  fuse_create_in wanted{};
  if (request.size() < sizeof header + sizeof wanted) return false;
  std::memcpy(&header, request.data(), sizeof header);
  if (header.opcode != FUSE_TMPFILE) return false;
  std::memcpy(&wanted, request.data() + sizeof header, sizeof wanted);
  const NoCancellation to_the_end;
  answer(*session.engine, fd, header, wanted);
  return true;
}

}  // namespace ciaos::fuse
