#include "fuse/reply.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/log.h"
#include "engine/reads.h"
#include "fuse/session.h"
#include "fuse/translate.h"

namespace ciaos::fuse {
namespace {

// Of include/uapi/linux/fuse.h, which Debian 12's is older than.
constexpr std::uint32_t kOpensWithoutFlush = 1u << 5;
constexpr std::uint32_t kOpensPassthrough = 1u << 7;
constexpr std::size_t kBackingAt = offsetof(fuse_open_out, open_flags) + sizeof(std::uint32_t);

fuse_file_info open_flags(fuse_req_t req, const fuse_file_info& file, const engine::Attributes& attributes) {
  fuse_file_info out = file;
  out.fh = 0;
  // Pages stay valid from open to open: every change of the file goes through this mount, or is told to the kernel. A read
  // that they answer would not be noted.
  out.keep_cache = !attributes.is_report && !attributes.notes_access;
  out.noflush = (file.flags & O_ACCMODE) == O_RDONLY;
  // Who only writes gains nothing from the page cache: past it a write is copied once instead of twice, is one request
  // however it lies to page borders, and asks for no security.capability first. A file open so cannot be mapped shared.
  const bool passes_pages_by =
      (file.flags & O_ACCMODE) == O_WRONLY && (session_of(req).kernel_offers & kOfferDirectIoAllowMmap) != 0;
  out.direct_io = attributes.is_report || passes_pages_by;
  return out;
}

// libfuse 3.14 has no word for the file that is passed through.
int send_passed_open(fuse_req_t req, std::int32_t backing) {
  fuse_open_out out{};
  out.fh = kPassedHandle;
  out.open_flags = kOpensPassthrough | kOpensWithoutFlush;
  std::memcpy(reinterpret_cast<std::byte*>(&out) + kBackingAt, &backing, sizeof backing);
  return fuse_reply_buf(req, reinterpret_cast<const char*>(&out), sizeof out);
}

// Of the request at hand, for when it has been answered.
class NextRead {
 public:
  explicit NextRead(fuse_req_t req)
      : session_(session_of(req)), thread_(static_cast<std::uint32_t>(fuse_req_ctx(req)->pid)) {}

  // A small file is read from its device by the time that somebody asks for its bytes, if he usually does.
  void expect(const engine::Attributes& file) {
    if (ReadStarter::of_this_thread() == nullptr) return;
    if (!S_ISREG(file.mode) || file.size == 0 || file.is_report) return;
    if (session_.forecast.expects_read(thread_, file.inode)) session_.engine->reads().expect(file.inode);
  }

 private:
  Session& session_;
  const std::uint32_t thread_;
};

}  // namespace

void log_damage(const Error& error) {
  if (error.code == EIO || error.code == EUCLEAN) log(LogLevel::error, "{}", to_string(error));
}

void reply_error(fuse_req_t req, const Error& error) {
  log_damage(error);
  fuse_reply_err(req, error.code);
}

void reply_status(fuse_req_t req, const Status& status) {
  if (!status) return reply_error(req, status.error());
  fuse_reply_err(req, 0);
}

void reply_entry(fuse_req_t req, const Result<engine::Attributes>& attributes) {
  if (!attributes) return reply_error(req, attributes.error());
  engine::Engine& engine = engine_of(req);
  const fuse_entry_param entry = entry_of(*attributes);
  if (fuse_reply_entry(req, &entry) != 0) engine.forget(attributes->inode, 1);
}

void reply_lookup(fuse_req_t req, const Result<engine::Attributes>& attributes) {
  NextRead next(req);
  if (attributes) {
    reply_entry(req, attributes);
    return next.expect(*attributes);
  }
  if (attributes.code() != ENOENT) return reply_error(req, attributes.error());
  const fuse_entry_param entry = negative_entry();
  fuse_reply_entry(req, &entry);
}

void reply_attributes(fuse_req_t req, const Result<engine::Attributes>& attributes, double valid_seconds) {
  if (!attributes) return reply_error(req, attributes.error());
  const struct stat out = stat_of(*attributes);
  fuse_reply_attr(req, &out, std::min(valid_seconds, valid_seconds_of(*attributes)));
}

void reply_link_target(fuse_req_t req, const Result<std::string>& target) {
  if (!target) return reply_error(req, target.error());
  fuse_reply_readlink(req, target->c_str());
}

void reply_opened(fuse_req_t req, const Result<engine::Attributes>& attributes, const fuse_file_info& file) {
  if (!attributes) return reply_error(req, attributes.error());
  engine::Engine& engine = engine_of(req);
  Passthrough* const passthrough = session_of(req).passthrough.get();
  const std::int32_t backing = passthrough != nullptr ? passthrough->opened(*attributes) : 0;
  const fuse_file_info flags = open_flags(req, file, *attributes);
  NextRead next(req);
  if (backing == 0 && (file.flags & O_ACCMODE) != O_WRONLY) next.expect(*attributes);
  if ((backing != 0 ? send_passed_open(req, backing) : fuse_reply_open(req, &flags)) == 0) return;
  if (passthrough != nullptr) passthrough->closed(attributes->inode, backing != 0 ? kPassedHandle : 0);
  engine.release(attributes->inode);
}

void reply_created(fuse_req_t req, const Result<engine::Attributes>& attributes, const fuse_file_info& file) {
  if (!attributes) return reply_error(req, attributes.error());
  engine::Engine& engine = engine_of(req);
  const fuse_entry_param entry = entry_of(*attributes);
  const fuse_file_info flags = open_flags(req, file, *attributes);
  if (fuse_reply_create(req, &entry, &flags) == 0) return;
  engine.release(attributes->inode);
  engine.forget(attributes->inode, 1);
}

void reply_bytes(fuse_req_t req, MutableByteSpan buffer, const Result<std::size_t>& count) {
  if (!count) return reply_error(req, count.error());
  fuse_reply_buf(req, as_text(buffer).data(), *count);
}

void reply_count(fuse_req_t req, const Result<std::size_t>& count) {
  if (!count) return reply_error(req, count.error());
  fuse_reply_write(req, *count);
}

void reply_position(fuse_req_t req, const Result<std::uint64_t>& position) {
  if (!position) return reply_error(req, position.error());
  fuse_reply_lseek(req, static_cast<off_t>(*position));
}

void reply_sized(fuse_req_t req, const Result<std::string>& value, std::size_t size) {
  if (!value) return reply_error(req, value.error());
  if (size == 0) {
    fuse_reply_xattr(req, value->size());
  } else if (value->size() > size) {
    fuse_reply_err(req, ERANGE);
  } else {
    fuse_reply_buf(req, value->data(), value->size());
  }
}

void reply_directory_opened(fuse_req_t req, const fuse_file_info& file) {
  fuse_file_info flags = file;
  flags.keep_cache = 1;
  flags.cache_readdir = 1;
  fuse_reply_open(req, &flags);
}

}  // namespace ciaos::fuse
