#include "tools/ctl/mounts.h"

#include <charconv>
#include <vector>

namespace ciaos::ctl {
namespace {

// Spaces, tabs, newlines and backslashes are "\" and three octal digits.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    const char* const digits = text.data() + i + 1;
    if (text[i] == '\\' && i + 3 < text.size() &&
        std::from_chars(digits, digits + 3, value, 8).ptr == digits + 3) {
      out += static_cast<char>(value);
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const std::string_view word = line.substr(0, line.find(' '));
    line.remove_prefix(std::min(line.size(), word.size() + 1));
    words.push_back(word);
  }
  return words;
}

}  // namespace

std::optional<Mount> mount_of(std::string_view mountinfo, std::uint64_t mount_id) {
  while (!mountinfo.empty()) {
    const std::string_view line = mountinfo.substr(0, mountinfo.find('\n'));
    mountinfo.remove_prefix(std::min(mountinfo.size(), line.size() + 1));
    const std::vector<std::string_view> words = words_of(line);
    if (words.size() < 10 || words[0] != std::to_string(mount_id)) continue;
    // Optional fields end with a lonely hyphen.
    for (std::size_t i = 6; i + 2 < words.size(); ++i) {
      if (words[i] == "-")
        return Mount{unescaped(words[4]), unescaped(words[i + 1]), unescaped(words[i + 2])};
    }
  }
  return std::nullopt;
}

}  // namespace ciaos::ctl
