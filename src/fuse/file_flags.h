// ioctl(2) for the flags of chattr(1). Newer kernels ask on behalf of their own fileattr calls, older ones hand on what the
// program sent; both speak of flags (FS_IOC_GETFLAGS) or of XFS's struct (FS_IOC_FSGETXATTR).
#pragma once

#include <linux/fs.h>

#include <cstdint>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "fuse/libfuse.h"

namespace ciaos::fuse {

// The same flags in XFS's words. Pure.
std::uint32_t xflags_of(std::uint32_t flags);
// EOPNOTSUPP for a flag, or a field, that has no meaning here.
Result<std::uint32_t> flags_of(const fsxattr& attributes);

// Sends one reply. ENOTTY for every other command. `out_bytes` is what the kernel has room for.
void reply_ioctl(fuse_req_t req, InodeId inode, unsigned command, ByteSpan in, std::size_t out_bytes);

}  // namespace ciaos::fuse
