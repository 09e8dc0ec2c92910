#include "fuse/reply_channel.h"

#include <linux/fuse.h>

#include <cstring>

namespace ciaos::fuse {
namespace {

thread_local ReplySink* sink_of_thread = nullptr;
thread_local std::uint64_t request_of_thread = 0;

}  // namespace

AnswersTo::AnswersTo(ReplySink& sink, std::uint64_t unique) {
  sink_of_thread = &sink;
  request_of_thread = unique;
}
AnswersTo::~AnswersTo() { sink_of_thread = nullptr; }

ReplySink* current_sink() { return sink_of_thread; }

ssize_t send_reply(int fd, const iovec* parts, int count) {
  if (sink_of_thread == nullptr) return ::writev(fd, parts, count);
  fuse_out_header header{};
  std::memcpy(&header, parts[0].iov_base, sizeof header);
  if (header.unique != request_of_thread) return ::writev(fd, parts, count);  // a notification
  sink_of_thread->take(parts, count);
  return static_cast<ssize_t>(header.len);
}

}  // namespace ciaos::fuse
