// Reads of any range from a device that wants whole sectors.
#pragma once

#include <algorithm>
#include <cstring>

#include "store/device.h"
#include "store/format.h"

namespace ciaos::store {

// One device read of the blocks around the range, through a buffer of its own. EINVAL outside of the device.
inline Status read_unaligned(Device& device, std::uint64_t offset, MutableByteSpan into) {
  if (into.empty()) return {};
  if (offset > device.size() || into.size() > device.size() - offset) return fail(EINVAL, device.name());
  const std::uint64_t begin = align_down(offset, device.alignment());
  const std::uint64_t end = std::min(align_up(offset + into.size(), device.alignment()), device.size());
  IoBuffer buffer(end - begin);
  TRY_VOID(device.read(begin, buffer.span()));
  std::memcpy(into.data(), buffer.data() + (offset - begin), into.size());
  return {};
}

}  // namespace ciaos::store
