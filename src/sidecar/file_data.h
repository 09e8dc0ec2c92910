// A value of the native API on the wire: a list of byte strings as a FlatBuffer (file_data.fbs). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace ciaos::sidecar {

// Offsets in a FlatBuffer are 32 bits with a sign in places, so this is what one can be.
inline constexpr std::uint64_t kFileDataBytesMax = (1ull << 31) - 1;

struct FileData {
  std::string fault;               // empty: `elements` hold; else the text to answer with
  std::vector<ByteSpan> elements;  // into the bytes; those without `data` are left out
};
// Any valid layout is taken; nothing outside `bytes` is read.
FileData parse_file_data(ByteSpan bytes);

// The layout of a list whose elements have these lengths: everything that is not their bytes. A writer sends `head`, then for
// each element its length as a u32, its bytes, and zeros up to a multiple of 4.
struct FileDataLayout {
  std::string head;
  std::uint64_t bytes = 0;  // of the whole
};
// nullopt: more than a FlatBuffer can be.
std::optional<FileDataLayout> lay_out_file_data(const std::vector<std::uint64_t>& lengths);
constexpr std::uint64_t file_data_padding(std::uint64_t length) { return (4 - length % 4) % 4; }

}  // namespace ciaos::sidecar
