// Answers. Each sends exactly one reply for its request.
//
// When the kernel has given a request up (its caller was killed, the mount was cut), the reply is refused, and what the
// engine pinned or opened for it is given back here: nobody else will.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "engine/engine.h"
#include "fuse/libfuse.h"
#include "fuse/session.h"

namespace ciaos::fuse {

// EIO and EUCLEAN, the two that an administrator must hear of, end here: they are logged with their context.
void log_damage(const Error& error);
void reply_error(fuse_req_t req, const Error& error);
void reply_status(fuse_req_t req, const Status& status);
void reply_entry(fuse_req_t req, const Result<engine::Attributes>& attributes);
// Like reply_entry, but ENOENT is an answer that the kernel may remember.
void reply_lookup(fuse_req_t req, const Result<engine::Attributes>& attributes);
void reply_attributes(fuse_req_t req, const Result<engine::Attributes>& attributes,
                      double valid_seconds = kCacheSeconds);
void reply_link_target(fuse_req_t req, const Result<std::string>& target);
void reply_opened(fuse_req_t req, const Result<engine::Attributes>& attributes, const fuse_file_info& file);
void reply_created(fuse_req_t req, const Result<engine::Attributes>& attributes, const fuse_file_info& file);
void reply_bytes(fuse_req_t req, MutableByteSpan buffer, const Result<std::size_t>& count);
void reply_count(fuse_req_t req, const Result<std::size_t>& count);
void reply_position(fuse_req_t req, const Result<std::uint64_t>& position);
// A size of 0 asks how large the value is; a smaller size than that is ERANGE.
void reply_sized(fuse_req_t req, const Result<std::string>& value, std::size_t size);
void reply_directory_opened(fuse_req_t req, const fuse_file_info& file);

}  // namespace ciaos::fuse
