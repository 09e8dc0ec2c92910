#include "engine/object_rows.h"

#include <fmt/core.h>

#include "base/bytes.h"

namespace ciaos::engine {
namespace {

constexpr std::uint64_t kRowVersion = 1;
constexpr std::uint64_t kLabelsMax = 4096;

void write_labels(ByteWriter& out, const Labels& labels) {
  out.varint(labels.size());
  for (const auto& [name, value] : labels) {
    out.counted_bytes(as_bytes(name));
    out.counted_bytes(as_bytes(value));
  }
}

bool read_labels(ByteReader& in, Labels& labels) {
  const std::uint64_t count = in.varint();
  if (!in.ok() || count > kLabelsMax) return false;
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    std::string name(as_text(in.counted_bytes()));
    labels.emplace(std::move(name), as_text(in.counted_bytes()));
  }
  return in.ok() && labels.size() == count;
}

std::string taken(ByteWriter& out) { return std::string(as_text(out.buffer())); }

}  // namespace

std::string encode_notes(const NotesRow& row) {
  ByteWriter out;
  out.varint(kRowVersion);
  out.varint(row.change);
  out.counted_bytes(as_bytes(row.notes.etag));
  write_labels(out, row.notes.facts);
  write_labels(out, row.notes.labels);
  return taken(out);
}

std::optional<NotesRow> decode_notes(std::string_view bytes) {
  ByteReader in(as_bytes(bytes));
  NotesRow row;
  if (in.varint() != kRowVersion) return std::nullopt;
  row.change = in.varint();
  row.notes.etag = as_text(in.counted_bytes());
  if (!read_labels(in, row.notes.facts) || !read_labels(in, row.notes.labels)) return std::nullopt;
  if (!in.ok() || !in.at_end()) return std::nullopt;
  return row;
}

std::string encode_elements(const ElementsRow& row) {
  ByteWriter out;
  out.varint(kRowVersion);
  out.varint(row.change);
  out.varint(row.elements);
  out.varint(row.rows);
  return taken(out);
}

std::optional<ElementsRow> decode_elements(std::string_view bytes) {
  ByteReader in(as_bytes(bytes));
  ElementsRow row;
  if (in.varint() != kRowVersion) return std::nullopt;
  row.change = in.varint();
  row.elements = in.varint();
  row.rows = in.varint();
  if (!in.ok() || !in.at_end()) return std::nullopt;
  return row;
}

std::string lengths_row_name(std::uint64_t number) { return fmt::format("{}.{}", kElementsRow, number); }

std::string encode_lengths(const std::vector<std::uint64_t>& lengths) {
  ByteWriter out;
  for (const std::uint64_t length : lengths) out.varint(length);
  return taken(out);
}

bool decode_lengths(std::string_view bytes, std::vector<std::uint64_t>& lengths) {
  ByteReader in(as_bytes(bytes));
  while (in.ok() && !in.at_end()) lengths.push_back(in.varint());
  return in.ok();
}

}  // namespace ciaos::engine
