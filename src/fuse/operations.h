// The table of callbacks that libfuse dispatches requests to. They translate and decide nothing.
#pragma once

#include "fuse/libfuse.h"

namespace ciaos::fuse {

// The session's userdata must be a Session.
//
// Not in the table, on purpose: getlk, setlk and flock, because the kernel then keeps locks by itself, without a request;
// access, because default_permissions answers it; flush, because close waits for no disk, and libfuse's ENOSYS in its
// place stops the kernel from asking at every close.
fuse_lowlevel_ops operations();

}  // namespace ciaos::fuse
