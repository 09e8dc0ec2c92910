// Which requests the thread of a ring answers itself. Others of its processor wait meanwhile, so whatever may wait for a
// device or for somebody else (an fsync, a full buffer, a row that only SQLite has) goes to a worker. Reads of files are
// begun here and answered when the device has (ring_reads.h). One that takes several reads of devices is the exception:
// handing it over and back costs two switches of threads, a tenth of what a cold small file takes. So a reader who is alone
// is served here, until somebody is found to have waited behind it.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "engine/engine.h"

namespace ciaos::fuse {

struct WantedRead {
  std::uint64_t offset = 0;
  std::uint32_t bytes = 0;
};
// What a READ asks for that is not the kernel's own reading ahead, to which another processor goes.
std::optional<WantedRead> short_read(ByteSpan request);

// `request`: as it would come from /dev/fuse.
// `crowded`: requests have been waiting behind others lately.
bool is_quick(engine::Engine& engine, ByteSpan request, bool crowded);

}  // namespace ciaos::fuse
