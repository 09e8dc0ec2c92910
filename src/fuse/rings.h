// Whether requests are to come through rings (ring_transport.h).
#pragma once

namespace ciaos::fuse {

enum class Rings {
  automatic,  // if the kernel's switch is on
  on,         // turns the switch on, if it may
  off,
};

}  // namespace ciaos::fuse
