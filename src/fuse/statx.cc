#include "fuse/statx.h"

#include <linux/fuse.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cstring>

#include "fuse/raw_reply.h"
#include "fuse/translate.h"

namespace ciaos::fuse {
namespace {

// Newer than the kernel headers of Debian 12.

// struct fuse_statx_out, whose last part is laid out as the one that statx(2) fills.
struct StatxOut {
  std::uint64_t valid_seconds = 0;
  std::uint32_t valid_nanoseconds = 0;
  std::uint32_t flags = 0;
  std::uint64_t spare[2] = {};
  struct statx stat {};
};
static_assert(sizeof(struct statx) == 256 && sizeof(StatxOut) == 288);

statx_timestamp time_of(const Timestamp& time) {
  statx_timestamp out{};
  out.tv_sec = time.seconds;
  out.tv_nsec = time.nanoseconds;
  return out;
}

StatxOut statx_of(const engine::Attributes& attributes) {
  const struct stat from = stat_of(attributes);
  StatxOut out;
  out.valid_seconds = static_cast<std::uint64_t>(valid_seconds_of(attributes));
  struct statx& to = out.stat;
  to.stx_mask = STATX_BASIC_STATS | STATX_BTIME;
  to.stx_blksize = static_cast<std::uint32_t>(from.st_blksize);
  to.stx_nlink = static_cast<std::uint32_t>(from.st_nlink);
  to.stx_uid = from.st_uid;
  to.stx_gid = from.st_gid;
  to.stx_mode = static_cast<std::uint16_t>(from.st_mode);
  to.stx_ino = from.st_ino;
  to.stx_size = static_cast<std::uint64_t>(from.st_size);
  to.stx_blocks = static_cast<std::uint64_t>(from.st_blocks);
  to.stx_atime = time_of(attributes.accessed);
  to.stx_btime = time_of(attributes.born);
  to.stx_ctime = time_of(attributes.changed);
  to.stx_mtime = time_of(attributes.modified);
  to.stx_rdev_major = major(from.st_rdev);
  to.stx_rdev_minor = minor(from.st_rdev);
  return out;
}

}  // namespace

bool answer_statx(Session& session, int fd, ByteSpan request) noexcept {
  fuse_in_header header{};
  if (request.size() < sizeof header) return false;
  std::memcpy(&header, request.data(), sizeof header);
  if (header.opcode != kStatxRequest) return false;
  const NoCancellation to_the_end;
  const auto attributes = session.engine->getattr(InodeId(header.nodeid));
  if (!attributes) {
    send_raw_error(fd, header.unique, attributes.error());
    return true;
  }
  StatxOut out = statx_of(*attributes);
  // Nothing was given that would have to be taken back.
  (void)send_raw(fd, header.unique, std::as_writable_bytes(std::span(&out, 1)));
  return true;
}

}  // namespace ciaos::fuse
