#include "tools/ctl/json.h"

#include <fmt/format.h>

#include <algorithm>

namespace ciaos::ctl {
namespace {

// How many bytes the character at the front of `text` has in UTF-8 (RFC 3629); 0: it is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  // Overlong, a surrogate, or beyond what there is.
  const unsigned char second = byte(1);
  if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F)) return 0;
  if ((first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F)) return 0;
  return length;
}

std::string value_json(const rpc::Field& field) {
  if (const auto* number = std::get_if<std::uint64_t>(&field.value)) return std::to_string(*number);
  if (const auto* truth = std::get_if<bool>(&field.value)) return *truth ? "true" : "false";
  return json_of(std::string_view(std::get<std::string>(field.value)));
}

}  // namespace

std::string json_of(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const char first = text.front();
    if (length == 0) {
      out += "\\ufffd";
    } else if (first == '"' || first == '\\') {
      out += '\\';
      out += first;
    } else if (static_cast<unsigned char>(first) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(first));
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out + "\"";
}

std::string json_of(const rpc::Record& record) {
  std::string out = "{";
  for (const rpc::Field& field : record.fields) {
    if (out.size() > 1) out += ", ";
    out += json_of(std::string_view(field.name)) + ": " + value_json(field);
  }
  return out + "}";
}

std::string json_of(const rpc::Records& records) {
  std::string out = "[";
  for (const rpc::Record& record : records) {
    if (out.size() > 1) out += ", ";
    out += json_of(record);
  }
  return out + "]";
}

std::string json_by_kind(const rpc::Records& records, const Plurals& plurals) {
  std::string out;
  const auto add = [&](std::string_view name, const std::string& value) {
    out += (out.empty() ? "{" : ", ") + json_of(name) + ": " + value;
  };
  for (const rpc::Record& record : records) {
    const bool is_listed =
        std::ranges::any_of(plurals, [&](const auto& plural) { return plural.first == record.kind; });
    if (!is_listed) add(record.kind, json_of(record));
  }
  for (const auto& plural : plurals) {
    rpc::Records of_kind;
    std::ranges::copy_if(records, std::back_inserter(of_kind),
                         [&](const rpc::Record& record) { return record.kind == plural.first; });
    add(plural.second, json_of(of_kind));
  }
  return out.empty() ? "{}" : out + "}";
}

}  // namespace ciaos::ctl
