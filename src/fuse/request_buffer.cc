#include "fuse/request_buffer.h"

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "base/assert.h"
#include "fuse/reply_channel.h"
#include "fuse/session.h"

namespace ciaos::fuse {
namespace {

constexpr std::size_t kPageBytes = 4096;

struct Free {
  void operator()(std::byte* memory) const { std::free(memory); }
};

}  // namespace

MutableByteSpan request_buffer(std::size_t bytes) {
  if (ReplySink* const sink = current_sink(); sink != nullptr)
    return sink->memory().first(std::min(bytes, sink->memory().size()));
  thread_local const std::unique_ptr<std::byte, Free> memory(
      static_cast<std::byte*>(std::aligned_alloc(kPageBytes, kRequestBytesMax)));
  CIAOS_ASSERT(memory != nullptr);
  return {memory.get(), std::min<std::size_t>(bytes, kRequestBytesMax)};
}

}  // namespace ciaos::fuse
