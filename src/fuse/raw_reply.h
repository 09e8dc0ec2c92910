// For requests that libfuse does not know, which are taken off their raw form before it sees them.
#pragma once

#include <pthread.h>

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"

namespace ciaos::fuse {

// libfuse cancels the threads that wait for requests; one that works on a request must not be cut short.
class NoCancellation {
 public:
  NoCancellation() { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
  ~NoCancellation() { pthread_setcancelstate(before_, nullptr); }
  NoCancellation(const NoCancellation&) = delete;
  NoCancellation& operator=(const NoCancellation&) = delete;

 private:
  int before_ = 0;
};

// Sends `body` as the answer to the request of that number. False: the kernel has given the request up.
bool send_raw(int fd, std::uint64_t request, MutableByteSpan body);
// As reply_error() does, errors that an administrator must hear of are logged.
void send_raw_error(int fd, std::uint64_t request, const Error& error);

}  // namespace ciaos::fuse
