#include "fuse/raw_reply.h"

#include <linux/fuse.h>

#include "base/log.h"
#include "fuse/reply_channel.h"

namespace ciaos::fuse {
namespace {

bool send(int fd, std::uint64_t request, int error, MutableByteSpan body) {
  fuse_out_header header{};
  header.len = static_cast<std::uint32_t>(sizeof header + body.size());
  header.error = -error;
  header.unique = request;
  const iovec parts[] = {{&header, sizeof header}, {body.data(), body.size()}};
  return send_reply(fd, parts, body.empty() ? 1 : 2) >= 0;
}

}  // namespace

bool send_raw(int fd, std::uint64_t request, MutableByteSpan body) { return send(fd, request, 0, body); }

void send_raw_error(int fd, std::uint64_t request, const Error& error) {
  if (error.code == EIO || error.code == EUCLEAN) log(LogLevel::error, "{}", to_string(error));
  // Where nobody waits any more there is nobody to tell.
  (void)send(fd, request, error.code, {});
}

}  // namespace ciaos::fuse
