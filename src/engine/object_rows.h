// What is kept beside an object's inode, as rows of extended attributes in the namespace "ciaos.", which no caller of the
// mount can name. Tabled in doc/format-records.md. Pure.
//
//   ciaos.object          the notes: ETag, facts, labels
//   ciaos.elements        of a native value: how many elements in how many rows
//   ciaos.elements.N      lengths of some of them, N counting up from 0
//
// What is true of certain bytes carries the inode's change number for which it is true. A write through the mount raises that
// number, and so drops what it makes untrue without knowing of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/object_types.h"

namespace ciaos::engine {

inline constexpr std::string_view kObjectPrefix = "ciaos.";
inline constexpr std::string_view kNotesRow = "ciaos.object";
inline constexpr std::string_view kElementsRow = "ciaos.elements";

struct NotesRow {
  std::uint64_t change = 0;
  ObjectNotes notes;
  bool operator==(const NotesRow&) const = default;
};
std::string encode_notes(const NotesRow& row);
// nullopt: damaged, or of a version that is not known.
std::optional<NotesRow> decode_notes(std::string_view bytes);

struct ElementsRow {
  std::uint64_t change = 0;
  std::uint64_t elements = 0;
  std::uint64_t rows = 0;
  bool operator==(const ElementsRow&) const = default;
};
std::string encode_elements(const ElementsRow& row);
std::optional<ElementsRow> decode_elements(std::string_view bytes);

// So many bytes of lengths are in one row: an append writes its last row again, and that should cost little.
inline constexpr std::size_t kLengthsBytesPerRow = 512;
std::string lengths_row_name(std::uint64_t number);
std::string encode_lengths(const std::vector<std::uint64_t>& lengths);
// Appends them to `lengths`; false: damaged.
bool decode_lengths(std::string_view bytes, std::vector<std::uint64_t>& lengths);

}  // namespace ciaos::engine
