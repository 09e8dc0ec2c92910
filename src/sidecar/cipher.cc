#include "sidecar/cipher.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "sidecar/secrets.h"

namespace ciaos::sidecar {
namespace {

constexpr std::size_t kBlockBytes = 16;
constexpr std::size_t kIvBytes = 12;
constexpr std::size_t kTagBytes = 16;

using Context = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;
Context new_context() { return {EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free}; }

const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* raw(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

}  // namespace

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  CIAOS_ASSERT(RAND_bytes(raw(bytes), static_cast<int>(count)) == 1);
  return bytes;
}

std::string new_nonce() { return base64(random_bytes(kNonceCharacters / 4 * 3)); }

std::string wrapped(std::string_view secret, std::string_view key) {
  CIAOS_ASSERT(key.size() == kCipherKeyBytes);
  const std::string iv = random_bytes(kIvBytes);
  std::string out(secret.size(), '\0');
  std::string tag(kTagBytes, '\0');
  int length = 0;
  const Context context = new_context();
  CIAOS_ASSERT(EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, raw(key), raw(iv)) == 1);
  CIAOS_ASSERT(
      EVP_EncryptUpdate(context.get(), raw(out), &length, raw(secret), static_cast<int>(secret.size())) == 1);
  CIAOS_ASSERT(EVP_EncryptFinal_ex(context.get(), raw(tag), &length) == 1);
  CIAOS_ASSERT(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, tag.data()) == 1);
  return base64(iv + out + tag);
}

std::optional<std::string> unwrapped(const std::string& text, std::string_view key) {
  CIAOS_ASSERT(key.size() == kCipherKeyBytes);
  const auto bytes = from_base64(text);
  if (!bytes || bytes->size() < kIvBytes + kTagBytes) return std::nullopt;
  const std::string_view all(*bytes);
  const std::string_view body = all.substr(kIvBytes, all.size() - kIvBytes - kTagBytes);
  std::string tag(all.substr(all.size() - kTagBytes));
  std::string out(body.size(), '\0');
  int length = 0;
  const Context context = new_context();
  CIAOS_ASSERT(EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, raw(key), raw(all)) == 1);
  CIAOS_ASSERT(
      EVP_DecryptUpdate(context.get(), raw(out), &length, raw(body), static_cast<int>(body.size())) == 1);
  CIAOS_ASSERT(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1);
  std::array<unsigned char, kBlockBytes> rest{};
  if (EVP_DecryptFinal_ex(context.get(), rest.data(), &length) != 1) return std::nullopt;
  return out;
}

struct Keystream::State {
  std::string key;
  Context context = new_context();
  std::uint64_t at = UINT64_MAX;  // where the context goes on
};

Keystream::Keystream(std::string_view object_key, std::string_view nonce)
    : state_(std::make_unique<State>()) {
  state_->key = hmac_sha256(object_key, nonce);
}
Keystream::~Keystream() = default;
Keystream::Keystream(Keystream&&) noexcept = default;
Keystream& Keystream::operator=(Keystream&&) noexcept = default;

void Keystream::apply(std::uint64_t offset, MutableByteSpan bytes) {
  State& s = *state_;
  int length = 0;
  if (s.at != offset) {
    std::array<unsigned char, kBlockBytes> counter{};
    for (std::size_t i = 0; i < 8; ++i)
      counter[kBlockBytes - 1 - i] = static_cast<unsigned char>(offset / kBlockBytes >> (8 * i));
    CIAOS_ASSERT(
        EVP_EncryptInit_ex(s.context.get(), EVP_aes_256_ctr(), nullptr, raw(s.key), counter.data()) == 1);
    std::array<unsigned char, kBlockBytes> passed{};
    CIAOS_ASSERT(EVP_EncryptUpdate(s.context.get(), passed.data(), &length, passed.data(),
                                   static_cast<int>(offset % kBlockBytes)) == 1);
  }
  s.at = offset + bytes.size();
  auto* at = reinterpret_cast<unsigned char*>(bytes.data());
  CIAOS_ASSERT(EVP_EncryptUpdate(s.context.get(), at, &length, at, static_cast<int>(bytes.size())) == 1);
}

void ObjectKeystream::apply(std::uint64_t offset, MutableByteSpan bytes) {
  std::uint64_t begin = 0;
  for (std::size_t i = 0; i < segments_.size() && !bytes.empty(); ++i) {
    const std::uint64_t end = begin + segments_[i].bytes;
    if (offset < end) {
      if (!current_ || current_index_ != i) current_.emplace(key_, segments_[i].nonce);
      current_index_ = i;
      const std::size_t count = std::min<std::uint64_t>(bytes.size(), end - offset);
      current_->apply(offset - begin, bytes.first(count));
      bytes = bytes.subspan(count);
      offset += count;
    }
    begin = end;
  }
}

}  // namespace ciaos::sidecar
