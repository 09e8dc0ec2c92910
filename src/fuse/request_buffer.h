// Memory for the answer to one request: page-aligned, one per thread, made at the thread's first use.
#pragma once

#include "base/bytes.h"

namespace ciaos::fuse {

// For a request that came through a ring, the ring's own, so that the answer lies where the kernel takes it from; the
// request's names and data are there until this is written to. Else the first `bytes` of this thread's buffer; valid until
// its next call. At most kRequestBytesMax, more than which no kernel asks for: it was told so.
MutableByteSpan request_buffer(std::size_t bytes);

}  // namespace ciaos::fuse
