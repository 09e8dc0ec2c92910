// Encryption of objects before they are stored: AES-256 in counter mode, a key for each segment (OpenSSL). Pure.
//
// An object is one segment, or one for each part that it was uploaded in. The key of a segment is made of the object's key and a
// random nonce, so no two segments ever share a keystream, not even a part and the one that replaced it. That bytes are whole
// is what the store's checksums are for.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace ciaos::sidecar {

inline constexpr std::size_t kCipherKeyBytes = 32;

std::string random_bytes(std::size_t count);
// A nonce as it is kept: 16 characters.
std::string new_nonce();
inline constexpr std::size_t kNonceCharacters = 16;

// `secret` so that only who has `key` gets it back, and notices when it was changed (AES-256-GCM); in base64.
std::string wrapped(std::string_view secret, std::string_view key);
// nullopt: made with another key, or changed.
std::optional<std::string> unwrapped(const std::string& text, std::string_view key);

// The keystream of one segment. Not thread-safe.
class Keystream {
 public:
  Keystream(std::string_view object_key, std::string_view nonce);
  ~Keystream();
  Keystream(Keystream&&) noexcept;
  Keystream& operator=(Keystream&&) noexcept;
  // Both encrypts and decrypts, in place, bytes that lie at `offset` in the segment.
  void apply(std::uint64_t offset, MutableByteSpan bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// All segments of an object. Not thread-safe.
class ObjectKeystream {
 public:
  struct Segment {
    std::uint64_t bytes = 0;
    std::string nonce;
  };
  ObjectKeystream(std::string object_key, std::vector<Segment> segments)
      : key_(std::move(object_key)), segments_(std::move(segments)) {}
  void apply(std::uint64_t offset, MutableByteSpan bytes);

 private:
  std::string key_;
  std::vector<Segment> segments_;
  std::optional<Keystream> current_;
  std::size_t current_index_ = 0;
};

}  // namespace ciaos::sidecar
