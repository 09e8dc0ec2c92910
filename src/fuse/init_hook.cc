#include "fuse/init_hook.h"

#include <linux/fuse.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

#include "base/log.h"
#include "fuse/reply_channel.h"
#include "fuse/session.h"
#include "fuse/statx.h"
#include "fuse/tmpfile.h"

namespace ciaos::fuse {
namespace {

// Of Linux 6.9 and 6.14, the first with passthrough and with rings.
constexpr std::uint32_t kProtocolOfPassthrough = 40;
constexpr std::uint32_t kProtocolOfRings = 42;
// What Debian 12's header still calls unused: how many filesystems may lie below one that passes its files on.
constexpr std::size_t kMaxStackDepthAt = offsetof(fuse_init_out, flags2) + sizeof(std::uint32_t);
constexpr std::uint32_t kMaxStackDepth = 1;
constexpr int kFirstVersionThatSendsThem = 317;

// The version of the library that runs, not of the header: a distribution may update one without the other.
bool library_forgets() { return fuse_version() < kFirstVersionThatSendsThem; }

void look_at(Session& session, ByteSpan request) {
  fuse_in_header header{};
  if (request.size() < sizeof header) return;
  std::memcpy(&header, request.data(), sizeof header);
  session.requests.add(header.opcode);
  fuse_init_in init{};
  if (header.opcode != FUSE_INIT || request.size() < sizeof header + sizeof init) return;
  std::memcpy(&init, request.data() + sizeof header, sizeof init);
  if ((init.flags & FUSE_INIT_EXT) != 0)
    session.kernel_offers = (std::uint64_t{init.flags2} << 32) | init.flags;
}

// The request that this thread is about, until its answer is written.
thread_local TimedRequest request_at_hand;

void note_finished(Session& session, std::uint64_t reply_bytes) {
  session.times.finished(request_at_hand, reply_bytes);
  request_at_hand = {};
}

// libfuse tells the kernel of changes by the same way, with a number that is no request's.
void note_reply(Session& session, const iovec* parts) {
  fuse_out_header header{};
  if (parts[0].iov_len < sizeof header) return;
  std::memcpy(&header, parts[0].iov_base, sizeof header);
  if (header.unique == request_at_hand.unique) note_finished(session, header.len);
}

// Neither of these two is noexcept: libfuse cancels threads that wait in read(2), and a cancellation unwinds.
ssize_t read_request(int fd, void* into, std::size_t bytes, void* userdata) {
  while (true) {
    const ssize_t got = ::read(fd, into, bytes);
    if (got <= 0) return got;
    const ByteSpan request(static_cast<const std::byte*>(into), static_cast<std::size_t>(got));
    Session& session = *static_cast<Session*>(userdata);
    look_at(session, request);
    request_at_hand = TimedRequest::begun(request);
    if (!answer_tmpfile(session, fd, request) && !answer_statx(session, fd, request)) return got;
    note_finished(session, 0);
  }
}

void complete_init_for_passthrough(fuse_init_out& reply) {
  reply.flags |= FUSE_INIT_EXT;
  reply.flags2 |= static_cast<std::uint32_t>(kOfferPassthrough >> 32);
  reply.minor = kProtocolOfPassthrough;
  std::memcpy(reinterpret_cast<std::byte*>(&reply) + kMaxStackDepthAt, &kMaxStackDepth,
              sizeof kMaxStackDepth);
}

// Adds to the answer what libfuse forgets. True when it tells of rings.
bool complete_init(Session& session, fuse_init_out& reply) {
  reply.flags |= session.init_flags_missing.exchange(0);
  if (session.passthrough != nullptr) complete_init_for_passthrough(reply);
  if (session.rings == nullptr) return false;
  if ((session.kernel_offers & kOfferRings) == 0) {
    log(LogLevel::info, "requests come by /dev/fuse: this kernel offers no rings");
    return false;
  }
  reply.flags |= FUSE_INIT_EXT;
  reply.flags2 |= static_cast<std::uint32_t>(kOfferRings >> 32);
  reply.minor = kProtocolOfRings;
  return true;
}

ssize_t write_reply(int fd, iovec* parts, int count, void* userdata) {
  Session& session = *static_cast<Session*>(userdata);
  // Set by the INIT callback in this thread just now; no request but INIT is under way until its reply is written.
  if (session.init_flags_missing.load(std::memory_order_relaxed) == 0 || count != 2 ||
      parts[1].iov_len != sizeof(fuse_init_out)) {
    const ssize_t sent = send_reply(fd, parts, count);
    note_reply(session, parts);
    return sent;
  }
  fuse_init_out reply{};
  std::memcpy(&reply, parts[1].iov_base, sizeof reply);
  const bool rings = complete_init(session, reply);
  std::memcpy(parts[1].iov_base, &reply, sizeof reply);
  const ssize_t sent = ::writev(fd, parts, count);
  if (rings && sent > 0) {
    session.rings->start(session.handle, session, fd);
    log(LogLevel::info, "requests come through {} rings", session.rings->queue_count());
  }
  return sent;
}

}  // namespace

bool can_hook_init() { return library_forgets(); }

std::uint32_t init_flags_that_libfuse_forgets(const fuse_conn_info& connection) {
  if (!library_forgets()) return 0;
  // KILLPRIV_V2: the engine drops set-id bits and capabilities itself, so the kernel need not look for them before each
  // write. A kernel that does not know the flag does not read it.
  std::uint32_t flags = FUSE_HANDLE_KILLPRIV_V2;
  if ((connection.want & FUSE_CAP_PARALLEL_DIROPS) != 0) flags |= FUSE_PARALLEL_DIROPS;
  return flags;
}

void install_init_hook(fuse_session* session) {
  if (!library_forgets()) return;
  fuse_custom_io io{};
  io.writev = write_reply;
  io.read = read_request;
  const int result = fuse_session_custom_io(session, &io, fuse_session_fd(session));
  if (result != 0)
    log(LogLevel::info,
        "no parallel lookups in a directory, slower writes, no O_TMPFILE, no times of birth: libfuse says {}",
        result);
}

}  // namespace ciaos::fuse
