// Where the answer to the request at hand goes: to the descriptor it came from, or into the memory of a ring.
#pragma once

#include <sys/uio.h>

#include <cstdint>

#include "base/bytes.h"

namespace ciaos::fuse {

// Takes the answer to one request, written in the parts that the kernel would get by writev(2).
class ReplySink {
 public:
  virtual ~ReplySink() = default;
  // The first part begins with a fuse_out_header.
  virtual void take(const iovec* parts, int count) = 0;
  // Memory from which take() need not copy.
  virtual MutableByteSpan memory() = 0;
};

// While it lives, what this thread answers to request `unique` goes into `sink`.
class AnswersTo {
 public:
  AnswersTo(ReplySink& sink, std::uint64_t unique);
  ~AnswersTo();
  AnswersTo(const AnswersTo&) = delete;
  AnswersTo& operator=(const AnswersTo&) = delete;
};

// The sink of this thread's request, or null.
ReplySink* current_sink();
// As writev(2).
ssize_t send_reply(int fd, const iovec* parts, int count);

}  // namespace ciaos::fuse
