// The time at which a file was made, for statx(2). libfuse 3.14 does not know the request (linux/fuse.h of protocol 7.39,
// FUSE_STATX) and would answer ENOSYS; the kernel then shows no such time.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "fuse/session.h"

namespace ciaos::fuse {

inline constexpr std::uint32_t kStatxRequest = 52;  // newer than the kernel headers of Debian 12

// Whether `request` was one: then it was answered on `fd`. No exception and no cancellation of the thread gets out of it.
bool answer_statx(Session& session, int fd, ByteSpan request) noexcept;

}  // namespace ciaos::fuse
