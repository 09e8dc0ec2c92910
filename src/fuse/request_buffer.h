// Memory for the answer to one request: page-aligned, one per thread, made at the thread's first use.
#pragma once

#include "base/bytes.h"

namespace ciaos::fuse {

// The first `bytes` of this thread's buffer; valid until its next call. At most kRequestBytesMax, more than which no
// kernel asks for: it was told so.
MutableByteSpan request_buffer(std::size_t bytes);

}  // namespace ciaos::fuse
