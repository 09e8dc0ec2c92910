#include "fuse/ring_verbs.h"

#include <fcntl.h>
#include <linux/fuse.h>

#include <cstring>
#include <optional>
#include <string_view>

#include "fuse/statx.h"

namespace ciaos::fuse {
namespace {

template <typename Struct>
std::optional<Struct> struct_of(ByteSpan request) {
  if (request.size() < sizeof(fuse_in_header) + sizeof(Struct)) return std::nullopt;
  Struct out{};
  std::memcpy(&out, request.data() + sizeof(fuse_in_header), sizeof out);
  return out;
}

// Longer reads are the kernel's own reading ahead, behind which whoever asked for it goes on. They are the work of another
// processor.
constexpr std::uint32_t kShortReadBytesMax = 256u << 10;

// The name that stands `skip` bytes behind the header.
std::string_view name_in(ByteSpan request, std::size_t skip) {
  const std::size_t at = sizeof(fuse_in_header) + skip;
  if (request.size() <= at) return {};
  const std::string_view rest = as_text(request.subspan(at));
  return rest.substr(0, rest.find('\0'));
}

}  // namespace

std::optional<WantedRead> short_read(ByteSpan request) {
  fuse_in_header header{};
  const auto read = struct_of<fuse_read_in>(request);
  if (!read || read->size > kShortReadBytesMax) return std::nullopt;
  std::memcpy(&header, request.data(), sizeof header);
  if (header.opcode != FUSE_READ) return std::nullopt;
  return WantedRead{read->offset, read->size};
}

bool is_quick(engine::Engine& engine, ByteSpan request, bool crowded) {
  fuse_in_header header{};
  if (request.size() < sizeof header) return true;
  std::memcpy(&header, request.data(), sizeof header);
  const InodeId inode(header.nodeid);
  switch (header.opcode) {
    case FUSE_LOOKUP: return engine.at_hand(inode, name_in(request, 0));
    case FUSE_READ: return short_read(request) && !crowded && engine.at_hand(inode);
    case FUSE_UNLINK: return engine.at_hand(inode, name_in(request, 0)) && !engine.changes_may_wait();
    case FUSE_GETATTR:
    case FUSE_STATFS:
    case kStatxRequest: return engine.at_hand(inode);
    case FUSE_OPEN: {
      const auto open = struct_of<fuse_open_in>(request);
      return open && (open->flags & O_TRUNC) == 0 && engine.at_hand(inode);
    }
    case FUSE_CREATE:
      return engine.at_hand(inode, name_in(request, sizeof(fuse_create_in))) && !engine.changes_may_wait();
    case FUSE_WRITE: {
      const auto write = struct_of<fuse_write_in>(request);
      return write && (write->flags & (O_SYNC | O_DSYNC)) == 0 && engine.at_hand(inode) &&
             !engine.changes_may_wait();
    }
    case FUSE_RELEASE:
    case FUSE_OPENDIR:
    case FUSE_RELEASEDIR:
    case FUSE_FLUSH:
    case FUSE_ACCESS: return true;
    default: return false;
  }
}

}  // namespace ciaos::fuse
