// The verbs of Client that read, by way of the volumes where that can be.
#include <poll.h>

#include <algorithm>

#include "base/clock.h"
#include "rpc/client_state.h"

namespace ciaos::rpc {
namespace {

std::uint64_t now_ms() { return SystemClock().monotonic_ms(); }

// A daemon that has ended changes no marks: before another one can have the store, the kernel has closed this one's socket.
bool has_ended(int socket) {
  pollfd one{.fd = socket, .events = POLLRDHUP, .revents = 0};
  return ::poll(&one, 1, 0) != 0 && (one.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

wire::RequestT request_for(wire::Verb verb, const engine::ObjectPath& path) {
  wire::RequestT request;
  request.verb = verb;
  request.bucket = path.bucket;
  request.key = path.key;
  return request;
}

}  // namespace

using engine::ObjectInfo;
using engine::ObjectPath;

void Client::use_leases(std::function<void()> before_waiting) {
  const auto store = parse_uuid(uuid_);
  if (!store.ok()) return;
  wire::RequestT request;
  request.verb = wire::Verb_marks;
  UniqueFd marks;
  (void)call(request, -1, &marks).ok();  // without them less is remembered
  state_->before_waiting = std::move(before_waiting);
  state_->leases.begin(*store, marks, state_->before_waiting);
}

LeaseCache::ObjectRef Client::remembered(const ObjectPath& path) {
  LeaseCache::ObjectRef object = state_->leases.find(path, now_ms());
  return object == nullptr || has_ended(state_->socket.get()) ? nullptr : object;
}

Result<LeaseCache::VolumeRef> Client::volume(VolumeId id) {
  if (LeaseCache::VolumeRef known = state_->leases.find_volume(id)) return known;
  wire::RequestT request;
  request.verb = wire::Verb_volume;
  request.number = id.value();
  UniqueFd descriptor;
  TRY_VOID(call(request, -1, &descriptor));
  if (!descriptor.valid()) return fail(EPROTO, "no descriptor came along");
  return state_->leases.add_volume(id, std::move(descriptor));
}

Result<LeaseCache::Extents> Client::extents_of(const wire::ReplyT& reply, std::uint64_t begin,
                                               std::uint64_t asked_ms) {
  LeaseCache::Extents extents{.begin = begin, .end = reply.leased_end, .parts = {}};
  for (const wire::Piece& told : reply.pieces) {
    const engine::LeasedPiece piece = piece_of(told);
    LeaseCache::VolumeRef in = TRY(volume(piece.needle.at.volume));
    in->held_until_ms = std::max(in->held_until_ms.load(), asked_ms + LeaseCache::kHeldMs);
    extents.parts.push_back({piece, std::move(in)});
  }
  return extents;
}

Result<ObjectInfo> Client::lookup(const ObjectPath& path) {
  if (const auto object = remembered(path)) return object->info;
  wire::RequestT request = request_for(wire::Verb_lookup, path);
  request.lease = state_->leases.is_begun();
  const auto reply = TRY(call(request));
  LeaseCache::Object object{
      .info = info_of(reply->info), .extents = {}, .stamp = reply->stamp, .marks = std::move(reply->marks)};
  const ObjectInfo info = object.info;
  state_->leases.keep(path, std::make_shared<LeaseCache::Object>(std::move(object)));
  return info;
}

std::optional<Opened> Client::open_leased(const ObjectPath& path, const wire::ReplyT& reply,
                                          std::uint64_t asked_ms, std::uint64_t length,
                                          MutableByteSpan into) {
  const ObjectInfo info = info_of(reply.info);
  auto extents = extents_of(reply, 0, asked_ms);
  if (!extents.ok()) return std::nullopt;
  const std::size_t count = std::min({length, info.size, into.size()});
  if (!state_->leases.read(*extents, 0, into.first(count)).ok()) return std::nullopt;
  Opened opened{.info = info, .handle = info.inode, .bytes = count};
  if (info.inode != InodeId{}) {
    MutexLock lock(state_->mutex);
    state_->extents.insert_or_assign(info.inode, std::make_shared<LeaseCache::Extents>(*std::move(extents)));
  } else {
    state_->leases.keep(
        path, std::make_shared<LeaseCache::Object>(LeaseCache::Object{.info = info,
                                                                      .readable = true,
                                                                      .extents = *std::move(extents),
                                                                      .stamp = reply.stamp,
                                                                      .marks = reply.marks}));
  }
  return opened;
}

Result<Opened> Client::open(const ObjectPath& path, const Memory* memory, std::uint64_t offset,
                            std::uint64_t length) {
  const bool leased = memory != nullptr && offset == 0 && state_->leases.is_begun();
  if (leased) {
    const MutableByteSpan into = memory->bytes();
    const auto object = remembered(path);
    if (object && object->readable && object->info.size <= std::min<std::uint64_t>(length, into.size()) &&
        state_->leases.read(object->extents, 0, into.first(object->info.size)).ok())
      return Opened{.info = object->info, .handle = {}, .bytes = object->info.size};
  }
  wire::RequestT request = request_for(wire::Verb_open, path);
  request.offset = offset;
  request.length = length;
  request.lease = leased;
  const std::uint64_t asked_ms = now_ms();
  auto reply = TRY(call(request, memory == nullptr ? -1 : memory->fd()));
  if (reply->leased) {
    if (auto opened = open_leased(path, *reply, asked_ms, length, memory->bytes())) return *std::move(opened);
    // Damaged, or gone on meanwhile: the daemon knows.
    if (reply->info && reply->info->inode != 0) close(InodeId(reply->info->inode));
    state_->leases.drop(path);
    request.lease = false;
    reply = TRY(call(request, memory->fd()));
  }
  Opened opened{.info = info_of(reply->info), .handle = {}, .bytes = reply->number};
  opened.handle = opened.info.inode;
  return opened;
}

void Client::close(InodeId handle) {
  {
    MutexLock lock(state_->mutex);
    state_->extents.erase(handle);
  }
  wire::RequestT request;
  request.verb = wire::Verb_close;
  request.inode = handle.value();
  (void)call(request).ok();  // it ends with the connection at the latest
}

Result<std::size_t> Client::read(InodeId handle, std::uint64_t offset, std::uint64_t length,
                                 const Memory& memory) {
  const MutableByteSpan into = memory.bytes();
  const auto from = [&](const LeaseCache::Extents& extents) -> std::optional<std::size_t> {
    const std::uint64_t left = extents.end - std::min(offset, extents.end);
    const std::size_t count = std::min({length, left, std::uint64_t{into.size()}});
    if (!state_->leases.read(extents, offset, into.first(count)).ok()) return std::nullopt;
    return count;
  };
  State::ExtentsRef known;
  {
    MutexLock lock(state_->mutex);
    if (const auto found = state_->extents.find(handle); found != state_->extents.end())
      known = found->second;
  }
  const bool covered = known && known->begin <= offset && offset < known->end && known->held(now_ms());
  if (covered) {
    if (const auto count = from(*known)) return *count;
  }
  wire::RequestT request;
  request.verb = wire::Verb_read;
  request.inode = handle.value();
  request.offset = offset;
  request.length = length;
  request.lease = state_->leases.is_begun() && !covered;
  const std::uint64_t asked_ms = now_ms();
  auto reply = TRY(call(request, memory.fd()));
  if (reply->leased) {
    auto extents = extents_of(*reply, offset, asked_ms);
    const auto count = extents.ok() ? from(*extents) : std::nullopt;
    if (count) {
      MutexLock lock(state_->mutex);
      state_->extents.insert_or_assign(handle, std::make_shared<LeaseCache::Extents>(*std::move(extents)));
      return *count;
    }
    request.lease = false;
    reply = TRY(call(request, memory.fd()));
  }
  return static_cast<std::size_t>(reply->number);
}

}  // namespace ciaos::rpc
