#include "sidecar/xml.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

namespace ciaos::sidecar {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ':' || c == '_' ||
         c == '-' || c == '.' || static_cast<unsigned char>(c) >= 0x80;
}

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  std::optional<XmlElement> document() {
    if (!skip_misc()) return std::nullopt;
    XmlElement root;
    if (!element(root, 0) || !skip_misc() || !rest_.empty()) return std::nullopt;
    return root;
  }

 private:
  bool take(std::string_view what) {
    if (!rest_.starts_with(what)) return false;
    rest_.remove_prefix(what.size());
    return true;
  }
  bool skip_past(std::string_view end) {
    const std::size_t at = rest_.find(end);
    if (at == std::string_view::npos) return false;
    rest_.remove_prefix(at + end.size());
    return true;
  }
  void skip_space() {
    while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
  }
  bool skip_misc() {
    while (true) {
      skip_space();
      if (take("<?")) {
        if (!skip_past("?>")) return false;
      } else if (take("<!--")) {
        if (!skip_past("-->")) return false;
      } else {
        return !rest_.starts_with("<!");
      }
    }
  }
  std::string_view name() {
    std::size_t length = 0;
    while (length < rest_.size() && is_name(rest_[length])) ++length;
    const std::string_view found = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return found;
  }
  bool attributes() {
    while (true) {
      const std::size_t before = rest_.size();
      skip_space();
      if (rest_.empty() || rest_.front() == '>' || rest_.front() == '/') return !rest_.empty();
      if (rest_.size() == before || name().empty()) return false;
      skip_space();
      if (!take("=")) return false;
      skip_space();
      if (rest_.empty() || (rest_.front() != '"' && rest_.front() != '\'')) return false;
      const char quote = rest_.front();
      rest_.remove_prefix(1);
      if (!skip_past(std::string_view(&quote, 1))) return false;
    }
  }
  bool reference(std::string& text) {
    const std::size_t end = rest_.substr(0, 12).find(';');
    if (end == std::string_view::npos) return false;
    std::string_view what = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    constexpr std::pair<std::string_view, char> kEntities[] = {
        {"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}};
    for (const auto& [entity, character] : kEntities) {
      if (what == entity) {
        text += character;
        return true;
      }
    }
    if (!what.starts_with('#')) return false;
    what.remove_prefix(1);
    const int base = what.starts_with('x') ? 16 : 10;
    if (base == 16) what.remove_prefix(1);
    std::uint32_t code = 0;
    const auto [stop, error] = std::from_chars(what.data(), what.data() + what.size(), code, base);
    if (what.empty() || error != std::errc{} || stop != what.data() + what.size() || code == 0 ||
        code > 0x10FFFF)
      return false;
    append_utf8(text, code);
    return true;
  }
  bool element(XmlElement& out, std::size_t depth) {
    if (depth >= kXmlDepthMax || ++elements_ > kXmlElementsMax || !take("<")) return false;
    const std::string_view whole = name();
    if (whole.empty()) return false;
    const std::size_t colon = whole.rfind(':');
    out.name = colon == std::string_view::npos ? whole : whole.substr(colon + 1);
    if (!attributes()) return false;
    if (take("/>")) return true;
    if (!take(">")) return false;
    while (!rest_.empty()) {
      if (take("</")) {
        if (name() != whole) return false;
        skip_space();
        return take(">");
      }
      if (take("<!--")) {
        if (!skip_past("-->")) return false;
      } else if (take("<![CDATA[")) {
        const std::size_t end = rest_.find("]]>");
        if (end == std::string_view::npos) return false;
        out.text += rest_.substr(0, end);
        rest_.remove_prefix(end + 3);
      } else if (rest_.front() == '<') {
        if (!element(out.children.emplace_back(), depth + 1)) return false;
      } else if (take("&")) {
        if (!reference(out.text)) return false;
      } else {
        const std::size_t end = std::min(rest_.find_first_of("<&"), rest_.size());
        out.text += rest_.substr(0, end);
        rest_.remove_prefix(end);
      }
    }
    return false;
  }

  std::string_view rest_;
  std::size_t elements_ = 0;
};

}  // namespace

const XmlElement* XmlElement::child(std::string_view wanted) const {
  const auto found = std::ranges::find(children, wanted, &XmlElement::name);
  return found == children.end() ? nullptr : &*found;
}

std::string XmlElement::text_of(std::string_view wanted) const {
  const XmlElement* found = child(wanted);
  return found == nullptr ? std::string() : found->text;
}

std::optional<XmlElement> parse_xml(std::string_view text) {
  if (text.size() > kXmlBytesMax || text.find('\0') != std::string_view::npos) return std::nullopt;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return Parser(text).document();
}

std::string xml_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '"': out += "&quot;"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += fmt::format("&#x{:x};", static_cast<unsigned char>(c));
        } else {
          out += c;
        }
    }
  }
  return out;
}

XmlWriter::XmlWriter(std::string_view root) : out_("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n") {
  out_ += fmt::format("<{} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">", root);
  open_.emplace_back(root);
}

XmlWriter& XmlWriter::open(std::string_view name, std::string_view attributes) {
  out_ += fmt::format("<{}{}{}>", name, attributes.empty() ? "" : " ", attributes);
  open_.emplace_back(name);
  return *this;
}

XmlWriter& XmlWriter::close() {
  out_ += fmt::format("</{}>", open_.back());
  open_.pop_back();
  return *this;
}

XmlWriter& XmlWriter::add(std::string_view name, std::string_view text) {
  out_ += fmt::format("<{0}>{1}</{0}>", name, xml_escaped(text));
  return *this;
}

std::string XmlWriter::finish() {
  while (!open_.empty()) close();
  return std::move(out_);
}

}  // namespace ciaos::sidecar
