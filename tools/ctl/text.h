// How numbers, names and tables are shown to people. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "rpc/record.h"

namespace ciaos::ctl {

// "12.5 GiB", "0 B": powers of 1024, three digits.
std::string bytes_text(std::uint64_t bytes);
// "1.23 ms", "45 s", "2 h 5 min": of nanoseconds.
std::string duration_text(std::uint64_t nanoseconds);
// Names and messages are other people's bytes: what a terminal would obey is a "?".
std::string shown(std::string_view text);
// "10G" is 10 << 30; K, M, G and T. EINVAL.
Result<std::uint64_t> parse_bytes(std::string_view text);

enum class Colour { none, good, warning, bad, faint };
std::string coloured(std::string_view text, Colour colour, bool colours);

// Columns as wide as they must be; numbers stand at the right.
class Table {
 public:
  explicit Table(std::vector<std::string> head) { rows_.push_back(std::move(head)); }
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace ciaos::ctl
