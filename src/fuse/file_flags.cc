#include "fuse/file_flags.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "fuse/reply.h"
#include "fuse/session.h"
#include "fuse/translate.h"

namespace ciaos::fuse {
namespace {

constexpr std::array<std::pair<std::uint32_t, std::uint32_t>, 3> kWords = {{
    {FS_IMMUTABLE_FL, FS_XFLAG_IMMUTABLE},
    {FS_APPEND_FL, FS_XFLAG_APPEND},
    {FS_NODUMP_FL, FS_XFLAG_NODUMP},
}};

// A program hands over a long, and the kernel an int of it or the whole.
constexpr std::size_t kFlagsBytesMax = sizeof(std::uint64_t);

template <typename Value>
Result<Value> value_in(ByteSpan in) {
  Value value{};
  if (in.size() < sizeof value) return fail(EINVAL);
  std::memcpy(&value, in.data(), sizeof value);
  return value;
}

void reply_flags(fuse_req_t req, InodeId inode, std::size_t out_bytes) {
  const auto attributes = engine_of(req).getattr(inode);
  if (!attributes) return reply_error(req, attributes.error());
  const std::uint64_t flags = attributes->flags;
  fuse_reply_ioctl(req, 0, &flags, std::min(out_bytes, kFlagsBytesMax));
}

void reply_xflags(fuse_req_t req, InodeId inode, std::size_t out_bytes) {
  const auto attributes = engine_of(req).getattr(inode);
  if (!attributes) return reply_error(req, attributes.error());
  fsxattr out{};
  out.fsx_xflags = xflags_of(attributes->flags);
  fuse_reply_ioctl(req, 0, &out, std::min(out_bytes, sizeof out));
}

Status set_flags(fuse_req_t req, InodeId inode, const Result<std::uint32_t>& flags) {
  if (!flags) return flags.error();
  return engine_of(req).set_flags(caller_of(*fuse_req_ctx(req)), inode, *flags);
}

Result<std::uint32_t> flags_in(ByteSpan in) { return flags_of(TRY(value_in<fsxattr>(in))); }

void reply_done(fuse_req_t req, const Status& status) {
  if (!status) return reply_error(req, status.error());
  fuse_reply_ioctl(req, 0, nullptr, 0);
}

}  // namespace

std::uint32_t xflags_of(std::uint32_t flags) {
  std::uint32_t xflags = 0;
  for (const auto& [flag, xflag] : kWords) xflags |= (flags & flag) != 0 ? xflag : 0;
  return xflags;
}

Result<std::uint32_t> flags_of(const fsxattr& attributes) {
  std::uint32_t flags = 0;
  std::uint32_t unknown = attributes.fsx_xflags;
  for (const auto& [flag, xflag] : kWords) {
    flags |= (attributes.fsx_xflags & xflag) != 0 ? flag : 0;
    unknown &= ~xflag;
  }
  if (unknown != 0 || attributes.fsx_extsize != 0 || attributes.fsx_projid != 0 ||
      attributes.fsx_cowextsize != 0)
    return fail(EOPNOTSUPP);
  return flags;
}

void reply_ioctl(fuse_req_t req, InodeId inode, unsigned command, ByteSpan in, std::size_t out_bytes) {
  if (command == FS_IOC_GETFLAGS) return reply_flags(req, inode, out_bytes);
  if (command == FS_IOC_FSGETXATTR) return reply_xflags(req, inode, out_bytes);
  if (command == FS_IOC_SETFLAGS) return reply_done(req, set_flags(req, inode, value_in<std::uint32_t>(in)));
  if (command == FS_IOC_FSSETXATTR) return reply_done(req, set_flags(req, inode, flags_in(in)));
  reply_error(req, fail(ENOTTY));
}

}  // namespace ciaos::fuse
