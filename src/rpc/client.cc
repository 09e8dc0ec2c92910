#include "rpc/client.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <wire_generated.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/clock.h"
#include "rpc/client_state.h"
#include "rpc/packet.h"

namespace ciaos::rpc {
namespace {
constexpr std::uint64_t kFindTimeoutMs = 5000;
constexpr std::uint64_t kSweepMs = 1000;

std::vector<std::string> sockets_there() {
  std::vector<std::string> folders{"/run/ciaosfs"};
  const char* runtime = ::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr) folders.push_back(std::string(runtime) + "/ciaosfs");
  std::vector<std::string> sockets;
  for (const std::string& folder : folders) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
      if (entry.path().extension() == ".sock") sockets.push_back(entry.path().string());
    }
  }
  return sockets;
}
}  // namespace

using engine::ObjectInfo;
using wire::ReplyT;
using wire::RequestT;

Result<Memory> Memory::make(std::size_t bytes) {
  UniqueFd fd(::memfd_create("ciaos-rpc", MFD_CLOEXEC));
  if (!fd.valid()) return fail(errno, "memfd_create");
  if (::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0) return fail(errno, "memory file");
  void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (at == MAP_FAILED) return fail(errno, "memory file");
  return Memory(std::move(fd), {static_cast<std::byte*>(at), bytes});
}

Memory::Memory(Memory&& other) noexcept
    : fd_(std::move(other.fd_)), bytes_(std::exchange(other.bytes_, {})) {}

Memory& Memory::operator=(Memory&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Memory::~Memory() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

void Client::State::end() {
  ::shutdown(socket.get(), SHUT_RDWR);
  MutexLock lock(mutex);
  over = true;
  for (auto& [id, waiter] : waiters) waiter->answered.notify_one();
}

void Client::State::read_all() {
  ByteVector buffer(kPacketBytesMax);
  std::uint64_t swept_ms = 0;
  while (true) {
    auto packet = receive_packet(socket.get(), buffer);
    if (const std::uint64_t now = SystemClock().monotonic_ms(); now - swept_ms >= kSweepMs) {
      leases.sweep(now);
      swept_ms = now;
    }
    if (packet.code() == EAGAIN) continue;
    if (!packet.ok()) break;
    auto reply = parse_reply(ByteSpan(buffer).first(packet->bytes));
    if (!reply) break;
    MutexLock lock(mutex);
    const auto found = waiters.find(reply->id);
    if (found == waiters.end()) continue;
    found->second->reply = std::move(reply);
    found->second->descriptor = std::move(packet->memory);
    found->second->answered.notify_one();
  }
  end();
}

Client::Client(std::unique_ptr<State> state) : state_(std::move(state)) {}

Client::~Client() {
  state_->end();
  if (state_->reader.joinable()) state_->reader.join();
}

bool Client::connected() const {
  MutexLock lock(state_->mutex);
  return !state_->over;
}

Result<std::unique_ptr<Client>> Client::connect(const std::string& path, std::uint64_t timeout_ms) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return fail(ENAMETOOLONG, path);
  std::memcpy(address.sun_path, path.data(), path.size());
  auto state = std::make_unique<State>();
  state->timeout_ms = timeout_ms;
  state->socket = UniqueFd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!state->socket.valid()) return fail(errno, path);
  if (::connect(state->socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail(errno, path);
  const timeval patience{.tv_sec = kSendTimeoutMs / 1000, .tv_usec = 0};
  ::setsockopt(state->socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const timeval until_swept{.tv_sec = kSweepMs / 1000, .tv_usec = 0};
  ::setsockopt(state->socket.get(), SOL_SOCKET, SO_RCVTIMEO, &until_swept, sizeof until_swept);
  State& s = *state;
  s.reader = std::thread([&s] { s.read_all(); });
  std::unique_ptr<Client> client(new Client(std::move(state)));
  RequestT hello;
  hello.verb = wire::Verb_hello;
  hello.number = kProtocolVersion;
  auto greeted = client->call(hello);
  if (greeted.code() == ENOTCONN) return fail(EACCES, path + ": the daemon hung up");
  const auto reply = TRY(std::move(greeted));
  for (const auto& label : reply->statistics) {
    if (label && label->name == "store") client->stores_.push_back(label->value);
    if (label && label->name == "mountpoint") client->mountpoint_ = label->value;
    if (label && label->name == "uuid") client->uuid_ = label->value;
  }
  return client;
}

Result<std::string> Client::find_socket(const std::string& store) {
  const std::unique_ptr<char, decltype(&::free)> resolved(::realpath(store.c_str(), nullptr), &::free);
  if (resolved == nullptr) return fail(errno, store);
  const std::string wanted = resolved.get();
  for (const std::string& socket : sockets_there()) {
    const auto client = connect(socket, kFindTimeoutMs);
    if (!client.ok()) continue;
    const std::vector<std::string>& stores = (*client)->stores();
    if (std::find(stores.begin(), stores.end(), wanted) != stores.end() || (*client)->mountpoint() == wanted)
      return socket;
  }
  return fail(ENOENT, "no daemon has it open: " + store);
}

std::vector<std::string> Client::usual_sockets() {
  std::vector<std::string> sockets = sockets_there();
  std::erase_if(sockets, [](const std::string& path) { return !connect(path, kFindTimeoutMs).ok(); });
  return sockets;
}

pid_t Client::peer_pid() const {
  ucred peer{};
  socklen_t bytes = sizeof peer;
  return ::getsockopt(state_->socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &bytes) == 0 ? peer.pid : 0;
}

Result<Answer> Client::ask(const Question& question, const Memory* memory) {
  RequestT request;
  request.verb = wire::Verb_control;
  request.question = question.name;
  request.inode = question.inode;
  request.key = question.path;
  request.offset = question.from;
  request.arguments = wire_of(question.arguments);
  if (memory != nullptr) request.length = memory->bytes().size();
  const auto reply = TRY(call(request, memory == nullptr ? -1 : memory->fd()));
  Answer answer{.records = {}, .more = reply->more, .next = reply->number, .text = std::move(reply->text)};
  for (const auto& record : reply->records) answer.records.push_back(record_of(record));
  return answer;
}

Result<std::unique_ptr<ReplyT>> Client::call(RequestT& request, int memory, UniqueFd* descriptor) {
  State& s = *state_;
  State::Waiter waiter;
  {
    MutexLock lock(s.mutex);
    if (s.over) return fail(ENOTCONN);
    request.id = s.next_id++;
    s.waiters.emplace(request.id, &waiter);
  }
  s.before_waiting();
  const std::string packet = pack(request);
  Status sent;
  {
    MutexLock lock(s.sending);
    sent =
        packet.size() > kPacketBytesMax ? Status(fail(E2BIG)) : send_packet(s.socket.get(), packet, memory);
  }
  if (!sent.ok() && sent.code() != E2BIG) s.end();
  bool in_time = true;
  {
    MutexLock lock(s.mutex);
    while (sent.ok() && !waiter.reply && !s.over && in_time)
      in_time = waiter.answered.wait_for(s.mutex, s.timeout_ms) || waiter.reply;
    s.waiters.erase(request.id);
  }
  if (!in_time) {
    s.end();
    return fail(ETIMEDOUT);
  }
  if (sent.code() == E2BIG) return sent.error();
  if (!waiter.reply) return fail(ENOTCONN);
  if (waiter.reply->error != 0)
    return fail(static_cast<int>(waiter.reply->error), std::move(waiter.reply->context));
  if (descriptor != nullptr) *descriptor = std::move(waiter.descriptor);
  return std::move(waiter.reply);
}

Result<ObjectInfo> Client::call_for_info(RequestT& request, int memory) {
  return info_of(TRY(call(request, memory))->info);
}

namespace {

RequestT request_of(wire::Verb verb, const engine::ObjectPath& path = {}) {
  RequestT request;
  request.verb = verb;
  request.bucket = path.bucket;
  request.key = path.key;
  return request;
}

engine::ObjectPage page_of(ReplyT& reply) {
  engine::ObjectPage page;
  page.more = reply.more;
  for (auto& entry : reply.entries) {
    if (entry)
      page.entries.push_back({.key = std::move(entry->key),
                              .common_prefix = entry->common_prefix,
                              .info = info_of(entry->info)});
  }
  return page;
}

UploadInfo upload_of(wire::EntryT& entry) {
  return {.id = std::move(entry.upload), .key = std::move(entry.key), .info = info_of(entry.info)};
}

int put_source(RequestT& request, const Source& source) {
  request.staged = source.staged.value();
  request.length = source.staged == InodeId{} ? source.length : 0;
  request.elements = source.elements;
  return source.memory == nullptr ? -1 : source.memory->fd();
}

RequestT publish_request(wire::Verb verb, const Client::Publish& publish) {
  RequestT request = request_of(verb, publish.path);
  request.owner = wire_of(publish.owner);
  request.notes = wire_of(publish.notes);
  request.condition = wire_of(publish.condition);
  return request;
}

}  // namespace

Status Client::create_bucket(const std::string& bucket, const engine::ObjectOwner& owner,
                             const engine::Labels& labels) {
  RequestT request = request_of(wire::Verb_create_bucket, {bucket, ""});
  request.owner = wire_of(owner);
  request.notes = wire_of(engine::ObjectNotes{.etag = {}, .facts = {}, .labels = labels});
  TRY_VOID(call(request));
  return {};
}

Status Client::remove_bucket(const std::string& bucket) {
  RequestT request = request_of(wire::Verb_remove_bucket, {bucket, ""});
  TRY_VOID(call(request));
  return {};
}

Result<engine::ObjectPage> Client::buckets(const std::string& start_after, std::size_t limit) {
  RequestT request = request_of(wire::Verb_buckets);
  request.start_after = start_after;
  request.limit = static_cast<std::uint32_t>(limit);
  return page_of(*TRY(call(request)));
}

Result<engine::ObjectPage> Client::list(const engine::ObjectList& list) {
  RequestT request = request_of(wire::Verb_list, {list.bucket, ""});
  request.prefix = list.prefix;
  request.delimiter = list.delimiter;
  request.start_after = list.start_after;
  request.limit = static_cast<std::uint32_t>(list.limit);
  request.with_notes = list.notes;
  return page_of(*TRY(call(request)));
}

Result<std::vector<std::uint64_t>> Client::elements(InodeId handle) {
  RequestT request = request_of(wire::Verb_elements);
  request.inode = handle.value();
  const Memory memory = TRY(Memory::make(kElementsMax * sizeof(std::uint64_t)));
  const auto reply = TRY(call(request, memory.fd()));
  std::vector<std::uint64_t> lengths(std::min<std::uint64_t>(reply->number, kElementsMax));
  if (!lengths.empty())
    std::memcpy(lengths.data(), memory.bytes().data(), lengths.size() * sizeof(std::uint64_t));
  return lengths;
}

Result<InodeId> Client::stage(const engine::ObjectOwner& owner) {
  RequestT request = request_of(wire::Verb_stage);
  request.owner = wire_of(owner);
  return InodeId(TRY(call(request))->number);
}

Status Client::write(InodeId staged, std::uint64_t offset, const Memory& memory, std::uint64_t length) {
  RequestT request = request_of(wire::Verb_write);
  request.staged = staged.value();
  request.offset = offset;
  request.length = length;
  TRY_VOID(call(request, memory.fd()));
  return {};
}

void Client::discard(InodeId staged) {
  RequestT request = request_of(wire::Verb_discard);
  request.staged = staged.value();
  (void)call(request).ok();
}

Result<std::uint64_t> Client::clone(InodeId from, std::uint64_t offset, std::uint64_t length,
                                    InodeId staged) {
  RequestT request = request_of(wire::Verb_clone);
  request.inode = from.value();
  request.offset = offset;
  request.length = length;
  request.staged = staged.value();
  return TRY(call(request))->number;
}

Result<ObjectInfo> Client::publish(const Publish& publish) {
  RequestT request = publish_request(wire::Verb_publish, publish);
  const int memory = put_source(request, publish.source);
  return call_for_info(request, memory);
}

Result<ObjectInfo> Client::append(const engine::ObjectPath& path, const Source& source,
                                  const engine::ObjectOwner& owner) {
  RequestT request = request_of(wire::Verb_append, path);
  request.owner = wire_of(owner);
  const int memory = put_source(request, source);
  return call_for_info(request, memory);
}

Result<ObjectInfo> Client::put_directory(const engine::ObjectPath& path, const engine::ObjectOwner& owner,
                                         const engine::ObjectNotes& notes) {
  RequestT request = request_of(wire::Verb_put_directory, path);
  request.owner = wire_of(owner);
  request.notes = wire_of(notes);
  return call_for_info(request);
}

Status Client::remove(const engine::ObjectPath& path, const engine::ObjectCondition& condition) {
  RequestT request = request_of(wire::Verb_remove, path);
  request.condition = wire_of(condition);
  TRY_VOID(call(request));
  return {};
}

Status Client::rename(const engine::ObjectPath& from, const engine::ObjectPath& to,
                      const engine::ObjectOwner& owner) {
  RequestT request = request_of(wire::Verb_rename, from);
  request.to_bucket = to.bucket;
  request.to_key = to.key;
  request.owner = wire_of(owner);
  TRY_VOID(call(request));
  return {};
}

Result<ObjectInfo> Client::set_labels(const engine::ObjectPath& path, const engine::Labels& labels) {
  RequestT request = request_of(wire::Verb_set_labels, path);
  request.notes = wire_of(engine::ObjectNotes{.etag = {}, .facts = {}, .labels = labels});
  return call_for_info(request);
}

Result<std::string> Client::create_upload(const engine::ObjectPath& path, const engine::Labels& labels) {
  RequestT request = request_of(wire::Verb_create_upload, path);
  request.notes = wire_of(engine::ObjectNotes{.etag = {}, .facts = {}, .labels = labels});
  return std::move(TRY(call(request))->upload);
}

Result<UploadInfo> Client::upload(const std::string& bucket, const std::string& id) {
  RequestT request = request_of(wire::Verb_upload, {bucket, ""});
  request.upload = id;
  const auto reply = TRY(call(request));
  if (reply->entries.size() != 1 || !reply->entries.front()) return fail(EPROTO);
  return upload_of(*reply->entries.front());
}

Result<UploadPage> Client::uploads(const std::string& bucket, const std::string& prefix,
                                   const std::string& after_key, const std::string& after_id,
                                   std::size_t limit) {
  RequestT request = request_of(wire::Verb_uploads, {bucket, ""});
  request.prefix = prefix;
  request.start_after = after_key;
  request.upload = after_id;
  request.limit = static_cast<std::uint32_t>(limit);
  const auto reply = TRY(call(request));
  UploadPage page{.uploads = {}, .more = reply->more};
  for (auto& entry : reply->entries) {
    if (entry) page.uploads.push_back(upload_of(*entry));
  }
  return page;
}

Result<ObjectInfo> Client::put_part(const std::string& bucket, const std::string& id, std::uint32_t number,
                                    const Source& source, const engine::ObjectNotes& notes) {
  RequestT request = request_of(wire::Verb_put_part, {bucket, ""});
  request.upload = id;
  request.number = number;
  request.notes = wire_of(notes);
  const int memory = put_source(request, source);
  return call_for_info(request, memory);
}

Result<PartPage> Client::parts(const std::string& bucket, const std::string& id, std::uint32_t after,
                               std::size_t limit) {
  RequestT request = request_of(wire::Verb_parts, {bucket, ""});
  request.upload = id;
  request.number = after;
  request.limit = static_cast<std::uint32_t>(limit);
  const auto reply = TRY(call(request));
  PartPage page{.parts = {}, .more = reply->more};
  for (auto& entry : reply->entries) {
    if (entry) page.parts.push_back({.number = entry->number, .info = info_of(entry->info)});
  }
  return page;
}

Result<ObjectInfo> Client::complete_upload(const std::string& id, const std::vector<PartInfo>& parts,
                                           const Publish& publish) {
  RequestT request = publish_request(wire::Verb_complete_upload, publish);
  request.upload = id;
  std::string named;
  for (const PartInfo& part : parts) named += std::to_string(part.number) + ' ' + part.info.notes.etag + '\n';
  if (named.size() > kMemoryBytesMax) return fail(EMSGSIZE);
  const Memory memory = TRY(Memory::make(std::max<std::size_t>(named.size(), 1)));
  std::memcpy(memory.bytes().data(), named.data(), named.size());
  request.length = named.size();
  return call_for_info(request, memory.fd());
}

Status Client::abort_upload(const std::string& bucket, const std::string& id) {
  RequestT request = request_of(wire::Verb_abort_upload, {bucket, ""});
  request.upload = id;
  TRY_VOID(call(request));
  return {};
}

Result<engine::Labels> Client::statistics() {
  RequestT request = request_of(wire::Verb_statistics);
  const auto reply = TRY(call(request));
  engine::Labels labels;
  for (const auto& label : reply->statistics) {
    if (label) labels.insert_or_assign(label->name, label->value);
  }
  return labels;
}

}  // namespace ciaos::rpc
