#include "rpc/verbs.h"

#include <fcntl.h>
#include <wire_generated.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "engine/objects.h"
#include "rpc/memory_file.h"

namespace ciaos::rpc {
namespace {

using engine::Engine;
using engine::ObjectInfo;
using engine::Objects;
using wire::ReplyT;
using wire::RequestT;

// Leaves room in a packet for what else is in a reply.
constexpr std::size_t kEntriesBytesMax = kPacketBytesMax - 40 * 1024;
constexpr std::size_t kUploadsMax = 10'000;

struct Call {
  Engine& engine;
  Objects& objects;
  const Peer& peer;
  Handles& handles;
  const RequestT& request;
  int memory;
  UniqueFd& descriptor;  // for the reply

  engine::ObjectPath path() const { return {request.bucket, request.key}; }
  Objects::UploadId upload() const { return {request.bucket, request.upload}; }
};

Result<std::vector<std::uint64_t>> elements_of(const Call& call, std::uint64_t offset) {
  if (call.request.elements > kElementsMax) return fail(EMSGSIZE, "too many elements");
  const ByteVector bytes =
      TRY(read_memory(call.memory, offset, call.request.elements * sizeof(std::uint64_t)));
  std::vector<std::uint64_t> elements(call.request.elements);
  if (!bytes.empty()) std::memcpy(elements.data(), bytes.data(), bytes.size());
  return elements;
}

Status write_staged(const Call& call, InodeId staged, std::uint64_t offset, std::uint64_t length) {
  const ByteVector bytes = TRY(read_memory(call.memory, 0, length));
  if (!bytes.empty()) TRY_VOID(call.engine.write(staged, offset, bytes, {}));
  return {};
}

// The staged file that the request names and that is the verb's from now on, or a new one of the bytes that came along.
Result<InodeId> take_staged(const Call& call) {
  const InodeId named(call.request.staged);
  if (named != InodeId{}) {
    if (!call.handles.take_staged(named)) return fail(EBADF, "not a staged file of this connection");
    return named;
  }
  const InodeId made = TRY(call.objects.stage(owner_of(call.request.owner)));
  const Status written = write_staged(call, made, 0, call.request.length);
  if (!written.ok()) {
    call.objects.discard(made);
    return written.error();
  }
  return made;
}

std::size_t bytes_of(const engine::ObjectInfo& info, std::size_t key_bytes) {
  std::size_t bytes = 160 + key_bytes + info.notes.etag.size();
  for (const engine::Labels* labels : {&info.notes.facts, &info.notes.labels}) {
    for (const auto& [name, value] : *labels) bytes += 48 + name.size() + value.size();
  }
  return bytes;
}

// Entries as long as they fit; the rest is asked for again.
class EntryList {
 public:
  explicit EntryList(ReplyT& reply) : reply_(reply) {}
  bool add(std::unique_ptr<wire::EntryT> entry, const ObjectInfo& info) {
    bytes_ += bytes_of(info, entry->key.size() + entry->upload.size());
    if (bytes_ > kEntriesBytesMax && !reply_.entries.empty()) {
      reply_.more = true;
      return false;
    }
    entry->info = wire_of(info);
    reply_.entries.push_back(std::move(entry));
    return true;
  }

 private:
  ReplyT& reply_;
  std::size_t bytes_ = 0;
};

Status on_page(Result<engine::ObjectPage> found, ReplyT& reply) {
  const engine::ObjectPage page = TRY(std::move(found));
  EntryList list(reply);
  reply.more = page.more;
  for (const engine::ObjectEntry& given : page.entries) {
    auto entry = std::make_unique<wire::EntryT>();
    entry->key = given.key;
    entry->common_prefix = given.common_prefix;
    if (!list.add(std::move(entry), given.info)) break;
  }
  return {};
}

Status on_list(const Call& call, ReplyT& reply) {
  const RequestT& r = call.request;
  return on_page(call.objects.list({.bucket = r.bucket,
                                    .prefix = r.prefix,
                                    .delimiter = r.delimiter,
                                    .start_after = r.start_after,
                                    .limit = r.limit,
                                    .notes = r.with_notes}),
                 reply);
}

Status on_info(Result<ObjectInfo> info, ReplyT& reply) {
  reply.info = wire_of(TRY(std::move(info)));
  return {};
}

Result<std::size_t> read_open(const Call& call, InodeId inode, std::uint64_t offset, std::uint64_t length) {
  ByteVector bytes(std::min<std::uint64_t>(length, kMemoryBytesMax));
  const std::size_t count = TRY(call.engine.read(inode, offset, bytes));
  TRY_VOID(write_memory(call.memory, ByteSpan(bytes).first(count)));
  return count;
}

// What an object is found by: each name on the way to it, and its inode.
std::vector<std::uint32_t> marks_of(const engine::ObjectPath& path, InodeId inode) {
  using engine::ChangeMarks;
  std::vector<std::uint32_t> marks{ChangeMarks::mark_of(path.bucket), ChangeMarks::mark_of(inode)};
  for (std::string_view rest = path.key; !rest.empty();) {
    const std::string_view name = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    if (!name.empty()) marks.push_back(ChangeMarks::mark_of(name));
  }
  return marks;
}

// `stamp` was taken before the object was looked up.
void say_until_when(const Call& call, std::uint64_t stamp, InodeId inode, ReplyT& reply) {
  if (!call.request.lease || call.engine.marks().descriptor() < 0) return;
  reply.stamp = stamp;
  reply.marks = marks_of(call.path(), inode);
}

// False: the bytes have to go through us.
Result<bool> lease(const Call& call, InodeId inode, std::uint64_t offset, std::uint64_t end, ReplyT& reply) {
  if (!call.request.lease || offset > end) return false;
  auto pieces = call.engine.lease(call.handles.leases(), inode, offset, end - offset, kPiecesMax);
  if (pieces.code() == ENOTSUP || pieces.code() == EMFILE) return false;
  for (const engine::LeasedPiece& piece : TRY(std::move(pieces))) reply.pieces.push_back(wire_of(piece));
  reply.leased = true;
  reply.leased_end = end;
  return true;
}

Status on_lookup(const Call& call, ReplyT& reply) {
  const std::uint64_t stamp = call.engine.marks().stamp();
  const ObjectInfo info = TRY(call.objects.lookup(call.path()));
  reply.info = wire_of(info);
  say_until_when(call, stamp, info.inode, reply);
  return {};
}

Status on_open(const Call& call, ReplyT& reply) {
  const std::uint64_t stamp = call.engine.marks().stamp();
  const ObjectInfo info = TRY(call.objects.open(call.path()));
  reply.info = wire_of(info);
  TRY_VOID(call.handles.add_open(info.inode));
  const std::uint64_t length = std::min(call.request.length, info.size);
  const bool whole = call.request.offset == 0 && length == info.size;
  const std::uint64_t end = whole ? info.size : std::min(info.size, call.request.offset + kLeasedBytesMax);
  if (!info.directory && TRY(lease(call, info.inode, call.request.offset, end, reply))) {
    if (whole) {
      call.handles.close_open(info.inode);
      reply.info->inode = 0;  // nothing is open
      say_until_when(call, stamp, info.inode, reply);
    }
    return {};
  }
  if (call.memory < 0 || info.directory) return {};
  auto count = read_open(call, info.inode, call.request.offset, length);
  const bool all = count.ok() && call.request.offset == 0 && *count == info.size;
  if (all || !count.ok()) {
    call.handles.close_open(info.inode);
    reply.info->inode = 0;  // nothing is open
  }
  reply.number = TRY(std::move(count));
  return {};
}

Status on_read(const Call& call, ReplyT& reply) {
  const InodeId inode(call.request.inode);
  if (!call.handles.has_open(inode)) return fail(EBADF);
  if (call.request.lease) {
    const std::uint64_t size = TRY(call.engine.getattr(inode)).size;
    const std::uint64_t end = std::min(size, call.request.offset + kLeasedBytesMax);
    if (TRY(lease(call, inode, call.request.offset, end, reply))) return {};
  }
  reply.number = TRY(read_open(call, inode, call.request.offset, call.request.length));
  return {};
}

Status on_elements(const Call& call, ReplyT& reply) {
  const InodeId inode(call.request.inode);
  if (!call.handles.has_open(inode)) return fail(EBADF);
  const auto lengths = TRY(call.objects.elements(inode, kElementsMax));
  TRY_VOID(write_memory(call.memory, std::as_bytes(std::span(lengths))));
  reply.number = lengths.size();
  return {};
}

Status on_stage(const Call& call, ReplyT& reply) {
  const InodeId staged = TRY(call.objects.stage(owner_of(call.request.owner)));
  TRY_VOID(call.handles.add_staged(staged));
  reply.number = staged.value();
  return {};
}

Status on_write(const Call& call, ReplyT& reply) {
  const InodeId staged(call.request.staged);
  if (!call.handles.has_staged(staged)) return fail(EBADF);
  TRY_VOID(write_staged(call, staged, call.request.offset, call.request.length));
  reply.number = call.request.length;
  return {};
}

Status on_clone(const Call& call, ReplyT& reply) {
  const InodeId staged(call.request.staged);
  const InodeId from(call.request.inode);
  if (!call.handles.has_staged(staged) || !call.handles.has_open(from)) return fail(EBADF);
  reply.number = TRY(call.objects.stage_clone(from, call.request.offset, call.request.length, staged));
  return {};
}

Result<Objects::Publish> publish_of(const Call& call) {
  Objects::Publish publish;
  publish.path = call.path();
  publish.owner = owner_of(call.request.owner);
  publish.notes = notes_of(call.request.notes);
  publish.elements = TRY(elements_of(call, call.request.length));
  publish.condition = condition_of(call.request.condition);
  return publish;
}

Status on_publish(const Call& call, ReplyT& reply) {
  Objects::Publish publish = TRY(publish_of(call));
  publish.staged = TRY(take_staged(call));
  return on_info(call.objects.publish(publish), reply);
}

Status on_append(const Call& call, ReplyT& reply) {
  const auto elements = TRY(elements_of(call, call.request.length));
  return on_info(call.objects.append(call.path(), TRY(take_staged(call)), elements), reply);
}

Status on_put_part(const Call& call, ReplyT& reply) {
  const InodeId staged = TRY(take_staged(call));
  return on_info(
      call.objects.put_part(call.upload(), call.request.number, staged, notes_of(call.request.notes)), reply);
}

// "NUMBER ETAG\n" for each part; EPROTO for anything else.
Result<std::vector<Objects::Part>> parts_of(std::string_view text) {
  std::vector<Objects::Part> parts;
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos || space > end || parts.size() == engine::kPartsMax)
      return fail(EPROTO);
    Objects::Part part;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + space, part.number);
    if (error != std::errc{} || stop != text.data() + space) return fail(EPROTO);
    part.info.notes.etag = text.substr(space + 1, end - space - 1);
    parts.push_back(std::move(part));
    text.remove_prefix(end + 1);
  }
  return parts;
}

Status on_complete(const Call& call, ReplyT& reply) {
  const ByteVector named = TRY(read_memory(call.memory, 0, call.request.length));
  Objects::Complete complete{
      .id = call.upload(), .parts = TRY(parts_of(as_text(named))), .publish = TRY(publish_of(call))};
  return on_info(call.objects.complete_upload(complete), reply);
}

Status on_create_upload(const Call& call, ReplyT& reply) {
  reply.upload = TRY(call.objects.create_upload(call.path(), notes_of(call.request.notes).labels)).id;
  return {};
}

void add_upload(EntryList& list, const Objects::UploadEntry& upload) {
  auto entry = std::make_unique<wire::EntryT>();
  entry->key = upload.key;
  entry->upload = upload.id;
  list.add(std::move(entry), upload.info);
}

Status on_upload(const Call& call, ReplyT& reply) {
  EntryList list(reply);
  add_upload(list, TRY(call.objects.upload(call.upload())));
  return {};
}

// In order of key and id, behind `start_after` and `upload`.
Status on_uploads(const Call& call, ReplyT& reply) {
  EntryList list(reply);
  for (const Objects::UploadEntry& upload : TRY(call.objects.uploads(call.request.bucket, kUploadsMax))) {
    if (std::tie(upload.key, upload.id) <= std::tie(call.request.start_after, call.request.upload)) continue;
    if (!upload.key.starts_with(call.request.prefix)) continue;
    if (reply.entries.size() == call.request.limit) reply.more = true;
    if (reply.more) break;
    add_upload(list, upload);
  }
  return {};
}

Status on_parts(const Call& call, ReplyT& reply) {
  EntryList list(reply);
  const std::size_t limit = std::min<std::size_t>(call.request.limit, engine::kListLimitMax);
  auto parts = TRY(call.objects.parts(call.upload(), call.request.number, limit + 1));
  for (const Objects::Part& part : parts) {
    if (reply.entries.size() == limit) reply.more = true;
    if (reply.more) break;
    auto entry = std::make_unique<wire::EntryT>();
    entry->number = part.number;
    if (!list.add(std::move(entry), part.info)) break;
  }
  return {};
}

void add_number(ReplyT& reply, const char* name, std::uint64_t value) {
  auto label = std::make_unique<wire::LabelT>();
  label->name = name;
  label->value = std::to_string(value);
  reply.statistics.push_back(std::move(label));
}

Status on_statistics(const Call& call, ReplyT& reply) {
  const engine::Statistics all = call.engine.statistics();
  const engine::FilesystemStatistics space = call.engine.statfs();
  add_number(reply, "bytes_total", space.bytes_total);
  add_number(reply, "bytes_free", space.bytes_free);
  add_number(reply, "inodes", space.inodes);
  add_number(reply, "bytes_appended", all.writer.bytes_appended);
  add_number(reply, "dirty_bytes", all.dirty_bytes);
  add_number(reply, "cache_bytes", all.cache_bytes);
  add_number(reply, "snapshots_written", all.snapshots_written);
  add_number(reply, "volumes_freed", all.volumes_freed);
  add_number(reply, "compaction_moved_bytes", all.compaction.moved_bytes);
  add_number(reply, "compaction_punched_bytes", all.compaction.punched_bytes);
  return {};
}

Status on_control(const Call& call, ReplyT& reply) {
  const RequestT& r = call.request;
  const Question question{.name = r.question,
                          .inode = r.inode,
                          .path = r.key,
                          .from = r.offset,
                          .arguments = record_of(r.arguments)};
  Answer answer = TRY(answer_question(call.engine, call.peer.daemon, question, call.peer.right, call.memory));
  for (const Record& record : answer.records) reply.records.push_back(wire_of(record));
  reply.more = answer.more;
  reply.number = answer.next;
  reply.text = std::move(answer.text);
  return {};
}

Status on_hello(const Call& call, ReplyT& reply) {
  reply.number = kProtocolVersion;
  if (call.request.number != kProtocolVersion)
    return fail(EPROTONOSUPPORT, "another version of the protocol");
  return {};
}

Status on_marks(const Call& call, ReplyT& reply) {
  const int marks = call.engine.marks().descriptor();
  if (marks < 0) return fail(ENOTSUP);
  call.descriptor = UniqueFd(::fcntl(marks, F_DUPFD_CLOEXEC, 0));
  if (!call.descriptor.valid()) return fail(errno);
  reply.number = engine::ChangeMarks::kMarks;
  return {};
}

Status on_volume(const Call& call) {
  call.descriptor = TRY(call.engine.volume_descriptor(call.handles.leases(), VolumeId(call.request.number)));
  return {};
}

Status dispatch(const Call& call, ReplyT& reply) {
  const RequestT& r = call.request;
  switch (r.verb) {
    case wire::Verb_hello: return on_hello(call, reply);
    case wire::Verb_create_bucket:
      return call.objects.create_bucket(r.bucket, owner_of(r.owner), notes_of(r.notes).labels);
    case wire::Verb_remove_bucket: return call.objects.remove_bucket(r.bucket);
    case wire::Verb_buckets: return on_page(call.objects.buckets(r.start_after, r.limit), reply);
    case wire::Verb_lookup: return on_lookup(call, reply);
    case wire::Verb_open: return on_open(call, reply);
    case wire::Verb_close: return call.handles.close_open(InodeId(r.inode)) ? Status{} : Status(fail(EBADF));
    case wire::Verb_read: return on_read(call, reply);
    case wire::Verb_list: return on_list(call, reply);
    case wire::Verb_elements: return on_elements(call, reply);
    case wire::Verb_stage: return on_stage(call, reply);
    case wire::Verb_write: return on_write(call, reply);
    case wire::Verb_discard:
      if (!call.handles.take_staged(InodeId(r.staged))) return fail(EBADF);
      call.objects.discard(InodeId(r.staged));
      return {};
    case wire::Verb_clone: return on_clone(call, reply);
    case wire::Verb_publish: return on_publish(call, reply);
    case wire::Verb_append: return on_append(call, reply);
    case wire::Verb_put_directory:
      return on_info(call.objects.put_directory(call.path(), owner_of(r.owner), notes_of(r.notes)), reply);
    case wire::Verb_remove: return call.objects.remove(call.path(), condition_of(r.condition));
    case wire::Verb_rename:
      return call.objects.rename(call.path(), {r.to_bucket, r.to_key}, owner_of(r.owner));
    case wire::Verb_set_labels:
      return on_info(call.objects.set_labels(call.path(), notes_of(r.notes).labels), reply);
    case wire::Verb_create_upload: return on_create_upload(call, reply);
    case wire::Verb_upload: return on_upload(call, reply);
    case wire::Verb_uploads: return on_uploads(call, reply);
    case wire::Verb_put_part: return on_put_part(call, reply);
    case wire::Verb_parts: return on_parts(call, reply);
    case wire::Verb_complete_upload: return on_complete(call, reply);
    case wire::Verb_abort_upload: return call.objects.abort_upload(call.upload());
    case wire::Verb_statistics: return on_statistics(call, reply);
    case wire::Verb_control: return on_control(call, reply);
    case wire::Verb_marks: return on_marks(call, reply);
    case wire::Verb_volume: return on_volume(call);
  }
  return fail(EOPNOTSUPP, "a verb that this daemon does not know");
}

}  // namespace

Handles::~Handles() {
  MutexLock lock(mutex_);
  for (const auto& [inode, count] : open_) {
    for (std::uint64_t i = 0; i < count; ++i) engine_.release(inode);
  }
  for (const auto& [inode, count] : staged_) engine_.objects().discard(inode);
}

Status Handles::add_open(InodeId inode) {
  {
    MutexLock lock(mutex_);
    if (open_.size() + staged_.size() < kHandlesMax) {
      ++open_[inode];
      return {};
    }
  }
  engine_.release(inode);
  return fail(EMFILE);
}

Status Handles::add_staged(InodeId inode) {
  {
    MutexLock lock(mutex_);
    if (open_.size() + staged_.size() < kHandlesMax) {
      ++staged_[inode];
      return {};
    }
  }
  engine_.objects().discard(inode);
  return fail(EMFILE);
}

bool Handles::has_open(InodeId inode) {
  MutexLock lock(mutex_);
  return open_.contains(inode);
}

bool Handles::close_open(InodeId inode) {
  {
    MutexLock lock(mutex_);
    const auto found = open_.find(inode);
    if (found == open_.end()) return false;
    if (--found->second == 0) open_.erase(found);
  }
  engine_.release(inode);
  return true;
}

bool Handles::has_staged(InodeId inode) {
  MutexLock lock(mutex_);
  return staged_.contains(inode);
}

bool Handles::take_staged(InodeId inode) {
  MutexLock lock(mutex_);
  return staged_.erase(inode) > 0;
}

ReplyT run_verb(Engine& engine, const Peer& peer, const RequestT& request, int memory, UniqueFd& descriptor) {
  ReplyT reply;
  const Call call{engine, engine.objects(), peer, peer.handles, request, memory, descriptor};
  const Status done = dispatch(call, reply);
  if (!done.ok()) {
    reply = ReplyT();
    reply.error = static_cast<std::uint32_t>(done.code());
    reply.context = done.error().context;
  }
  reply.id = request.id;
  return reply;
}

}  // namespace ciaos::rpc
