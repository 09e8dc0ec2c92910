#include "sidecar/file_data.h"

#include <file_data_generated.h>

#include <limits>

namespace ciaos::sidecar {
namespace {

constexpr const char* kUnparsed = "Failed to parse FlatBuffers data: not a valid FileDataList";

// vtable of a table with one field behind its own offset: its size, the table's size, where the field is.
constexpr std::uint16_t kVtable[] = {6, 8, 4};

}  // namespace

FileData parse_file_data(ByteSpan bytes) {
  FileData parsed;
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  if (bytes.size() < 8 || bytes.size() > kFileDataBytesMax) {
    parsed.fault = kUnparsed;
    return parsed;
  }
  // The number of tables is bounded by the bytes, four of which each entry takes.
  flatbuffers::Verifier verifier(data, bytes.size(), /*max_depth=*/8,
                                 std::numeric_limits<flatbuffers::uoffset_t>::max());
  if (!Store::VerifyFileDataListBuffer(verifier)) {
    parsed.fault = kUnparsed;
    return parsed;
  }
  const auto* files = Store::GetFileDataList(data)->files();
  if (files == nullptr) {
    parsed.fault = "No files found in FlatBuffers data";
    return parsed;
  }
  for (const Store::FileData* file : *files) {
    if (file->data() == nullptr) continue;
    parsed.elements.emplace_back(reinterpret_cast<const std::byte*>(file->data()->data()),
                                 file->data()->size());
  }
  if (parsed.elements.empty()) parsed.fault = "No data in data list";
  return parsed;
}

// Forward offsets only, so that it can be written without knowing more than the lengths:
//
//   root | vtable, pad | list table | count, offsets | a table for each element | the elements
std::optional<FileDataLayout> lay_out_file_data(const std::vector<std::uint64_t>& lengths) {
  constexpr std::uint64_t kVtableAt = 4;
  constexpr std::uint64_t kListAt = 12;
  constexpr std::uint64_t kVectorAt = 20;
  const std::uint64_t tables_at = kVectorAt + 4 + 4 * lengths.size();
  std::uint64_t data_at = tables_at + 8 * lengths.size();
  std::uint64_t end = data_at;
  for (const std::uint64_t length : lengths) {
    if (length > kFileDataBytesMax) return std::nullopt;
    end += 4 + length + file_data_padding(length);
    if (end > kFileDataBytesMax) return std::nullopt;
  }
  ByteWriter out;
  const auto offset = [&](std::uint64_t to) { out.number(static_cast<std::uint32_t>(to - out.size())); };
  const auto table = [&] { out.number(static_cast<std::int32_t>(out.size() - kVtableAt)); };
  offset(kListAt);
  for (const std::uint16_t field : kVtable) out.number(field);
  out.number(std::uint16_t{0});
  table();
  offset(kVectorAt);
  out.number(static_cast<std::uint32_t>(lengths.size()));
  for (std::size_t i = 0; i < lengths.size(); ++i) offset(tables_at + 8 * i);
  for (const std::uint64_t length : lengths) {
    table();
    offset(data_at);
    data_at += 4 + length + file_data_padding(length);
  }
  return FileDataLayout{.head = std::string(as_text(out.buffer())), .bytes = end};
}

}  // namespace ciaos::sidecar
