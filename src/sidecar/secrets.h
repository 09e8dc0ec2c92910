// Digests, and comparisons whose time says nothing (OpenSSL). Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace ciaos::sidecar {

enum class DigestKind { md5, sha1, sha256 };

class Digester {
 public:
  explicit Digester(DigestKind kind);
  ~Digester();
  Digester(Digester&&) noexcept;
  Digester& operator=(Digester&&) noexcept;
  void update(ByteSpan bytes);
  // Raw bytes; the digester begins anew.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string digest(DigestKind kind, std::string_view bytes);
std::string hmac_sha256(std::string_view key, std::string_view bytes);
std::string hmac_sha1(std::string_view key, std::string_view bytes);
std::string hex(std::string_view bytes);
// nullopt for anything that hex() would not have written.
std::optional<std::string> from_hex(std::string_view text);
std::string base64(std::string_view bytes);
// nullopt for anything that is not base64 with its padding.
std::optional<std::string> from_base64(std::string_view text);
bool same_secret(std::string_view a, std::string_view b);

}  // namespace ciaos::sidecar
