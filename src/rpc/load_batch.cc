#include "rpc/load_batch.h"

#include <wire_generated.h>

#include <cerrno>
#include <memory>

#include "rpc/memory_file.h"
#include "rpc/protocol.h"

namespace ciaos::rpc {
namespace {

constexpr std::size_t kFailuresTold = 100;

std::unique_ptr<wire::LoadEntryT> wire_of(const engine::LoadEntry& entry) {
  auto out = std::make_unique<wire::LoadEntryT>();
  out->path = entry.path;
  out->begins = entry.begins;
  out->ends = entry.ends;
  out->mode = entry.mode;
  out->uid = entry.uid;
  out->gid = entry.gid;
  out->device = entry.device;
  out->size = entry.size;
  out->accessed_seconds = entry.accessed.seconds;
  out->accessed_nanoseconds = entry.accessed.nanoseconds;
  out->modified_seconds = entry.modified.seconds;
  out->modified_nanoseconds = entry.modified.nanoseconds;
  out->target = entry.target;
  out->hard_link = entry.hard_link;
  for (const auto& [name, value] : entry.xattrs) {
    out->attributes.push_back(std::make_unique<wire::LoadAttributeT>());
    out->attributes.back()->name = name;
    out->attributes.back()->value = value;
  }
  for (const engine::LoadPiece& piece : entry.pieces) {
    out->pieces.push_back(std::make_unique<wire::LoadPieceT>());
    *out->pieces.back() = {.offset = piece.offset, .length = piece.length, .at = piece.at};
  }
  return out;
}

// What one message's entries take when they are unpacked. Parts of a FlatBuffer may be named many times over, so its own
// size bounds nothing.
class Room {
 public:
  Status take(std::size_t bytes) {
    if (bytes > left_) return fail(EMSGSIZE, "more than one batch carries");
    left_ -= bytes;
    return {};
  }
  Result<std::string> text(const flatbuffers::String* text) {
    if (text == nullptr) return std::string();
    TRY_VOID(take(text->size()));
    return text->str();
  }

 private:
  std::size_t left_ = kLoadBatchBytesMax;
};

Result<engine::LoadEntry> entry_of(const wire::LoadEntry& in, Room& room) {
  engine::LoadEntry entry{.path = TRY(room.text(in.path())),
                          .begins = in.begins(),
                          .ends = in.ends(),
                          .mode = in.mode(),
                          .uid = in.uid(),
                          .gid = in.gid(),
                          .device = in.device(),
                          .size = in.size(),
                          .accessed = {in.accessed_seconds(), in.accessed_nanoseconds()},
                          .modified = {in.modified_seconds(), in.modified_nanoseconds()},
                          .target = TRY(room.text(in.target())),
                          .hard_link = in.hard_link()};
  const std::uint32_t second = 1'000'000'000;
  if (entry.accessed.nanoseconds >= second || entry.modified.nanoseconds >= second)
    return fail(EPROTO, "no such time");
  if (in.attributes() != nullptr) {
    TRY_VOID(room.take(in.attributes()->size() * sizeof(entry.xattrs.front())));
    for (const wire::LoadAttribute* attribute : *in.attributes())
      entry.xattrs.emplace_back(TRY(room.text(attribute->name())), TRY(room.text(attribute->value())));
  }
  if (in.pieces() != nullptr) {
    TRY_VOID(room.take(in.pieces()->size() * sizeof(engine::LoadPiece)));
    for (const wire::LoadPiece* piece : *in.pieces())
      entry.pieces.push_back({piece->offset(), piece->length(), piece->at()});
  }
  return entry;
}

// Of one entry, or of all that follow.
bool ends_all(int code) { return code == ENOSPC || code == EDQUOT || code == EROFS || code == EIO; }

}  // namespace

std::string pack_load(const std::vector<engine::LoadEntry>& entries) {
  wire::LoadBatchT batch;
  for (const engine::LoadEntry& entry : entries) batch.entries.push_back(wire_of(entry));
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(wire::LoadBatch::Pack(builder, &batch));
  const auto bytes = builder.GetBufferSpan();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Result<std::vector<engine::LoadEntry>> parse_load(ByteSpan bytes) {
  if (bytes.size() > kLoadBatchBytesMax) return fail(EMSGSIZE, "more than one batch carries");
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  flatbuffers::Verifier verifier(data, bytes.size(), /*max_depth=*/8, /*max_tables=*/1u << 20);
  if (!verifier.VerifyBuffer<wire::LoadBatch>(nullptr)) return fail(EPROTO, "not a batch of a load");
  std::vector<engine::LoadEntry> entries;
  const auto* batch = flatbuffers::GetRoot<wire::LoadBatch>(data);
  if (batch->entries() == nullptr) return entries;
  if (batch->entries()->size() > kLoadEntriesMax) return fail(EMSGSIZE, "too many at once");
  Room room;
  for (const wire::LoadEntry* entry : *batch->entries()) entries.push_back(TRY(entry_of(*entry, room)));
  return entries;
}

Result<Answer> load_tree(engine::Engine& engine, InodeId directory, const Record& arguments, int memory) {
  const std::uint64_t bytes = arguments.number("entries_bytes");
  if (bytes == 0) {
    TRY_VOID(engine.commit());
    return Answer{};
  }
  if (bytes > kLoadBatchBytesMax) return fail(EMSGSIZE, "more than one batch carries");
  const ByteVector packed = TRY(read_memory(memory, arguments.number("entries_at"), bytes));
  const std::vector<engine::LoadEntry> entries = TRY(parse_load(packed));
  Answer answer;
  engine::TreeLoad load(engine, directory, [memory](std::uint64_t at, std::uint64_t length) {
    return read_memory(memory, at, length);
  });
  std::uint64_t failures = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Status loaded = load.apply(entries[i]);
    if (loaded.ok()) continue;
    if (ends_all(loaded.code())) return with_context(loaded.error(), entries[i].path);
    if (++failures > kFailuresTold) continue;
    answer.records.push_back(Record{"failure", {}}
                                 .add("index", i)
                                 .add("errno", static_cast<std::uint64_t>(loaded.code()))
                                 .add("text", loaded.error().context));
  }
  answer.next = failures;
  return answer;
}

}  // namespace ciaos::rpc
