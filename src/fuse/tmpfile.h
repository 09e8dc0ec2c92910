// O_TMPFILE: libfuse 3.14 does not know the request, and would answer ENOSYS. So it is taken off its raw form, as it comes
// from the kernel, and answered the same way (linux/fuse.h, FUSE_TMPFILE).
#pragma once

#include "base/bytes.h"
#include "fuse/session.h"

namespace ciaos::fuse {

// Whether `request` was one: then it was answered on `fd`. No exception and no cancellation of the thread gets out of it.
bool answer_tmpfile(Session& session, int fd, ByteSpan request) noexcept;

}  // namespace ciaos::fuse
