// What an open(2) costs.
#pragma once

namespace ciaos::fuse {

enum class OpenMode {
  automatic,  // no request on a read-only mount, one on others; on a read-only mount of large files as passthrough, if it can be
  cached,     // always a request; pages stay from open to open
  passthrough,  // always a request; the kernel reads large files by itself
  none,         // no request on any mount, and what an open decides is lost
};

}  // namespace ciaos::fuse
