// What an open(2) costs.
#pragma once

namespace ciaos::fuse {

enum class OpenMode {
  automatic,  // no request on a read-only mount, one on others
  cached,     // always a request; pages stay from open to open
  none,       // no request on any mount, and what an open decides is lost
};

}  // namespace ciaos::fuse
