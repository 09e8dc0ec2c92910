// As much XML as S3 needs: elements, attributes that are passed over, text. Pure.
//
// No document types and no entities but the five that every document has: so nothing expands, and nothing is fetched.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ciaos::sidecar {

inline constexpr std::size_t kXmlBytesMax = 4u << 20;
inline constexpr std::size_t kXmlDepthMax = 16;
inline constexpr std::size_t kXmlElementsMax = 100'000;

struct XmlElement {
  std::string name;  // without its namespace's prefix
  std::string text;  // of its own, all pieces together
  std::vector<XmlElement> children;

  const XmlElement* child(std::string_view name) const;
  std::string text_of(std::string_view name) const;  // empty without such a child
};
// nullopt: not well-formed, or beyond one of the bounds.
std::optional<XmlElement> parse_xml(std::string_view text);

// Escaped for a text. Control characters that XML cannot hold become references that S3's clients take.
std::string xml_escaped(std::string_view text);

class XmlWriter {
 public:
  // With S3's namespace.
  explicit XmlWriter(std::string_view root);
  XmlWriter& open(std::string_view name, std::string_view attributes = {});
  XmlWriter& close();
  XmlWriter& add(std::string_view name, std::string_view text);
  // Closes all that is open.
  std::string finish();

 private:
  std::string out_;
  std::vector<std::string> open_;
};

}  // namespace ciaos::sidecar
