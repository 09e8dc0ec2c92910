#include "fuse/listing.h"

#include <dirent.h>

#include <cstring>

#include "fuse/reply.h"
#include "fuse/request_buffer.h"
#include "fuse/session.h"
#include "fuse/translate.h"

namespace ciaos::fuse {
namespace {

// Entries of one reply, packed by libfuse.
class Listing {
 public:
  Listing(fuse_req_t req, MutableByteSpan into) : req_(req), into_(into) {}

  // False, and nothing added, when the entry does not fit.
  bool add(const engine::DirectoryEntry& entry, const engine::Attributes* attributes, ListingKind kind) {
    char name[engine::kNameBytesMax + 1];
    if (entry.name.size() >= sizeof name) return true;
    std::memcpy(name, entry.name.data(), entry.name.size());
    name[entry.name.size()] = '\0';

    char* at = reinterpret_cast<char*>(into_.data()) + used_;
    const std::size_t room = into_.size() - used_;
    const auto next = static_cast<off_t>(entry.position);
    // Without attributes the kernel takes inode number and type from here, and knows by node id 0 that nothing was
    // looked up and nothing will have to be forgotten: so it is with "." and "..".
    fuse_entry_param full{};
    full.attr.st_ino = entry.inode.value();
    full.attr.st_mode = DTTOIF(entry.type);
    if (attributes != nullptr) full = entry_of(*attributes);
    const std::size_t bytes = kind == ListingKind::names
                                  ? fuse_add_direntry(req_, at, room, name, &full.attr, next)
                                  : fuse_add_direntry_plus(req_, at, room, name, &full, next);
    if (bytes > room) return false;
    used_ += bytes;
    return true;
  }

  std::size_t used() const { return used_; }

 private:
  fuse_req_t req_;
  MutableByteSpan into_;
  std::size_t used_ = 0;
};

}  // namespace

void reply_listing(fuse_req_t req, InodeId directory, std::uint64_t after, std::size_t bytes,
                   ListingKind kind) {
  const MutableByteSpan buffer = request_buffer(bytes);
  Listing listing(req, buffer);
  const Status status =
      engine_of(req).readdir(directory, after, kind == ListingKind::names_with_attributes,
                             [&](const engine::DirectoryEntry& entry, const engine::Attributes* attributes) {
                               return listing.add(entry, attributes, kind);
                             });
  // Entries that were taken are pinned, so they are handed over even if the one behind them could not be read: the
  // kernel asks again from there and gets the error then.
  if (!status && listing.used() == 0) return reply_error(req, status.error());
  reply_bytes(req, buffer, listing.used());
}

}  // namespace ciaos::fuse
