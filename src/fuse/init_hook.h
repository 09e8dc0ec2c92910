// What libfuse 3.14 to 3.16 forget to tell the kernel.
//
// They let a filesystem want PARALLEL_DIROPS and then leave the bit out of their INIT reply (mended in 3.17), so the
// kernel sends lookups in one directory one after the other. HANDLE_KILLPRIV_V2 they do not know, so the kernel asks for
// security.capability before each write. Nor do they know TMPFILE and STATX. Their custom I/O lets us see the reply on
// its way out, and requests on their way in.
#pragma once

#include <cstdint>

#include "fuse/libfuse.h"

namespace ciaos::fuse {

// FUSE_* bits of linux/fuse.h that the kernel offered, that `connection` wants, and that this libfuse will not send.
std::uint32_t init_flags_that_libfuse_forgets(const fuse_conn_info& connection);

// Puts itself between a mounted session and its descriptor, where that is needed and possible. The session's userdata must
// be a Session; its init_flags_missing go into the INIT reply.
void install_init_hook(fuse_session* session);
// Whether it would do anything.
bool can_hook_init();

}  // namespace ciaos::fuse
