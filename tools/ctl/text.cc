#include "tools/ctl/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace ciaos::ctl {
namespace {

bool is_number(std::string_view text) { return !text.empty() && text.front() >= '0' && text.front() <= '9'; }

std::string three_digits(double value) {
  return value < 9.995   ? fmt::format("{:.2f}", value)
         : value < 99.95 ? fmt::format("{:.1f}", value)
                         : fmt::format("{:.0f}", value);
}

}  // namespace

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  std::size_t unit = 0;
  auto value = static_cast<double>(bytes);
  // 1023.9 is no number of three digits.
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{} {}", three_digits(value), kUnits[unit]);
}

std::string duration_text(std::uint64_t nanoseconds) {
  const auto value = static_cast<double>(nanoseconds);
  if (nanoseconds < 1000) return fmt::format("{} ns", nanoseconds);
  if (value < 999.5e3) return three_digits(value / 1e3) + " us";
  if (value < 999.5e6) return three_digits(value / 1e6) + " ms";
  const std::uint64_t seconds = nanoseconds / 1'000'000'000;
  if (seconds < 60) return three_digits(value / 1e9) + " s";
  if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  if (seconds < 24 * 3600) return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{} d {} h", seconds / (24 * 3600), seconds / 3600 % 24);
}

std::string shown(std::string_view text) {
  std::string out(text);
  for (char& letter : out) {
    if (static_cast<unsigned char>(letter) < 0x20 || letter == 0x7f) letter = '?';
  }
  return out;
}

Result<std::uint64_t> parse_bytes(std::string_view text) {
  const Error bad = fail(EINVAL, fmt::format("\"{}\" is no size; write a number and K, M, G or T", text));
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (error != std::errc() || unit.size() > 1) return bad;
  if (unit.empty()) return number;
  const std::size_t power = std::string_view("KMGT").find(static_cast<char>(unit.front() & ~0x20));
  if (power == std::string_view::npos || number > (UINT64_MAX >> (10 * (power + 1)))) return bad;
  return number << (10 * (power + 1));
}

std::string coloured(std::string_view text, Colour colour, bool colours) {
  constexpr std::array kCodes = {"", "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[2m"};
  const char* const code = kCodes[static_cast<std::size_t>(colour)];
  return colours && colour != Colour::none ? fmt::format("{}{}\x1b[0m", code, text) : std::string(text);
}

std::string Table::text() const {
  std::vector<std::size_t> widths(rows_.front().size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  }
  // A column is one of numbers if each of its cells is one; the head does not count.
  std::vector<bool> right(widths.size(), rows_.size() > 1);
  for (std::size_t r = 1; r < rows_.size(); ++r) {
    for (std::size_t i = 0; i < widths.size(); ++i)
      right[i] = right[i] && i < rows_[r].size() && (rows_[r][i].empty() || is_number(rows_[r][i]));
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i) {
      if (i > 0) line += "  ";
      line += right[i] ? fmt::format("{:>{}}", row[i], widths[i]) : fmt::format("{:<{}}", row[i], widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace ciaos::ctl
