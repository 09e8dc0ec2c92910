// The files of src/sidecar/ui, as they are when the program is built: what a browser loads lies in the program itself.
#pragma once

#include <span>
#include <string_view>

namespace ciaos::sidecar {

struct PageFile {
  std::string_view name;  // "index.html"
  std::string_view bytes;
};
// In order of their names. Made by cmake/EmbedFiles.cmake.
std::span<const PageFile> page_files();

}  // namespace ciaos::sidecar
