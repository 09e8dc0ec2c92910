// Which requests the thread of a ring answers itself. Others of its processor wait meanwhile, so whatever may wait for a
// device or for somebody else (an fsync, a full buffer, a row that only SQLite has) goes to a worker. A read of a file is
// the exception: handing it over and back costs two switches of threads, a tenth of what a cold small file takes. So a
// reader who is alone is served here, even from the device, until somebody is found to have waited behind it.
#pragma once

#include "base/bytes.h"
#include "engine/engine.h"

namespace ciaos::fuse {

// `request`: as it would come from /dev/fuse.
// `crowded`: requests have been waiting behind others lately.
bool is_quick(engine::Engine& engine, ByteSpan request, bool crowded);

}  // namespace ciaos::fuse
