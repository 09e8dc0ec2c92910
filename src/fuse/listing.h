// Directory listings in the kernel's format.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/ids.h"
#include "fuse/libfuse.h"

namespace ciaos::fuse {

enum class ListingKind { names, names_with_attributes };

// Answers READDIR or READDIRPLUS: as many entries behind position `after` as fit into `bytes`, from one listing.
void reply_listing(fuse_req_t req, InodeId directory, std::uint64_t after, std::size_t bytes,
                   ListingKind kind);

}  // namespace ciaos::fuse
