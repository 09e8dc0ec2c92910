#include "rpc/protocol.h"

#include <stdlib.h>
#include <unistd.h>

#include <wire_generated.h>

namespace ciaos::rpc {
namespace {

// Entries nest three deep; a table costs a few dozen bytes of a packet at least.
constexpr flatbuffers::uoffset_t kDepthMax = 8;
constexpr flatbuffers::uoffset_t kTablesMax = 16'384;

template <typename Table>
const Table* verified(ByteSpan bytes) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  flatbuffers::Verifier verifier(data, bytes.size(), kDepthMax, kTablesMax);
  if (bytes.size() < 8 || !verifier.VerifyBuffer<Table>(nullptr)) return nullptr;
  return flatbuffers::GetRoot<Table>(data);
}

template <typename Table, typename Message>
std::string packed(const Message& message) {
  flatbuffers::FlatBufferBuilder builder(1024);
  builder.Finish(Table::Pack(builder, &message));
  return {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()};
}

std::vector<std::unique_ptr<wire::LabelT>> wire_labels_of(const engine::Labels& labels) {
  std::vector<std::unique_ptr<wire::LabelT>> out;
  for (const auto& [name, value] : labels) {
    auto label = std::make_unique<wire::LabelT>();
    label->name = name;
    label->value = value;
    out.push_back(std::move(label));
  }
  return out;
}

engine::Labels labels_of(const std::vector<std::unique_ptr<wire::LabelT>>& labels) {
  engine::Labels out;
  for (const auto& label : labels) {
    if (label) out.insert_or_assign(label->name, label->value);
  }
  return out;
}

}  // namespace

std::unique_ptr<wire::RequestT> parse_request(ByteSpan bytes) {
  const wire::Request* request = verified<wire::Request>(bytes);
  return request == nullptr ? nullptr : std::unique_ptr<wire::RequestT>(request->UnPack());
}

std::unique_ptr<wire::ReplyT> parse_reply(ByteSpan bytes) {
  const wire::Reply* reply = verified<wire::Reply>(bytes);
  return reply == nullptr ? nullptr : std::unique_ptr<wire::ReplyT>(reply->UnPack());
}

std::string pack(const wire::RequestT& request) { return packed<wire::Request>(request); }
std::string pack(const wire::ReplyT& reply) { return packed<wire::Reply>(reply); }

std::unique_ptr<wire::NotesT> wire_of(const engine::ObjectNotes& notes) {
  auto out = std::make_unique<wire::NotesT>();
  out->etag = notes.etag;
  out->facts = wire_labels_of(notes.facts);
  out->labels = wire_labels_of(notes.labels);
  return out;
}

std::unique_ptr<wire::OwnerT> wire_of(const engine::ObjectOwner& owner) {
  auto out = std::make_unique<wire::OwnerT>();
  out->uid = owner.uid;
  out->gid = owner.gid;
  out->file_mode = owner.file_mode;
  out->directory_mode = owner.directory_mode;
  return out;
}

std::unique_ptr<wire::ConditionT> wire_of(const engine::ObjectCondition& condition) {
  auto out = std::make_unique<wire::ConditionT>();
  out->absent = condition.absent;
  out->if_match = condition.if_match;
  out->if_none_match = condition.if_none_match;
  return out;
}

std::unique_ptr<wire::InfoT> wire_of(const engine::ObjectInfo& info) {
  auto out = std::make_unique<wire::InfoT>();
  out->inode = info.inode.value();
  out->size = info.size;
  out->seconds = info.modified.seconds;
  out->nanoseconds = info.modified.nanoseconds;
  out->change = info.change;
  out->directory = info.directory;
  out->notes = wire_of(info.notes);
  return out;
}

std::unique_ptr<wire::RecordT> wire_of(const Record& record) {
  auto out = std::make_unique<wire::RecordT>();
  out->kind = record.kind;
  for (const Field& field : record.fields) {
    auto made = std::make_unique<wire::FieldT>();
    made->name = field.name;
    if (const auto* number = std::get_if<std::uint64_t>(&field.value)) {
      made->kind = wire::FieldKind_number;
      made->number = *number;
    } else if (const auto* truth = std::get_if<bool>(&field.value)) {
      made->kind = wire::FieldKind_truth;
      made->number = *truth ? 1 : 0;
    } else {
      made->kind = wire::FieldKind_text;
      made->text = std::get<std::string>(field.value);
    }
    out->fields.push_back(std::move(made));
  }
  return out;
}

wire::Piece wire_of(const engine::LeasedPiece& piece) {
  const NeedlePlace& needle = piece.needle;
  return {piece.offset,
          piece.length,
          needle.at.offset,
          needle.at.volume.value(),
          needle.at.generation.value(),
          needle.payload_bytes,
          needle.header_crc,
          piece.payload_offset};
}

engine::LeasedPiece piece_of(const wire::Piece& piece) {
  const VolumePosition at{VolumeId(piece.volume()), Generation(piece.generation()), piece.needle_offset()};
  return {.offset = piece.offset(),
          .length = piece.length(),
          .needle = {at, piece.payload_bytes(), piece.header_crc()},
          .payload_offset = piece.payload_offset()};
}

Record record_of(const std::unique_ptr<wire::RecordT>& record) {
  Record out;
  if (!record) return out;
  out.kind = record->kind;
  for (const auto& field : record->fields) {
    if (!field) continue;
    // What a later version may add besides is text to us.
    if (field->kind == wire::FieldKind_number) {
      out.add(field->name, field->number);
    } else if (field->kind == wire::FieldKind_truth) {
      out.add_truth(field->name, field->number != 0);
    } else {
      out.add(field->name, field->text);
    }
  }
  return out;
}

engine::ObjectNotes notes_of(const std::unique_ptr<wire::NotesT>& notes) {
  if (!notes) return {};
  return {.etag = notes->etag, .facts = labels_of(notes->facts), .labels = labels_of(notes->labels)};
}

engine::ObjectOwner owner_of(const std::unique_ptr<wire::OwnerT>& owner) {
  if (!owner) return {};
  return {.uid = owner->uid,
          .gid = owner->gid,
          .file_mode = owner->file_mode & 07777,
          .directory_mode = owner->directory_mode & 07777};
}

engine::ObjectCondition condition_of(const std::unique_ptr<wire::ConditionT>& condition) {
  if (!condition) return {};
  return {.absent = condition->absent,
          .if_match = condition->if_match,
          .if_none_match = condition->if_none_match};
}

engine::ObjectInfo info_of(const std::unique_ptr<wire::InfoT>& info) {
  if (!info) return {};
  return {.inode = InodeId(info->inode),
          .size = info->size,
          .modified = {info->seconds, info->nanoseconds},
          .change = info->change,
          .directory = info->directory,
          .notes = notes_of(info->notes)};
}

Result<std::string> socket_path(const Uuid& store) {
  std::string directory = "/run/ciaosfs";
  if (::geteuid() != 0) {
    const char* runtime = ::getenv("XDG_RUNTIME_DIR");
    if (runtime == nullptr || runtime[0] != '/') return fail(ENOENT, "XDG_RUNTIME_DIR");
    directory = std::string(runtime) + "/ciaosfs";
  }
  return directory + "/" + to_string(store) + ".sock";
}

}  // namespace ciaos::rpc
