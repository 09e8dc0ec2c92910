// Encryption before storing: keystreams, wrapped keys, and what is kept to find the segments again.
#include <gtest/gtest.h>

#include "sidecar/cipher.h"
#include "sidecar/options.h"
#include "sidecar/s3_encryption.h"
#include "sidecar/secrets.h"
#include "support/random.h"

namespace ciaos::sidecar {
namespace {

const std::string kKey(kCipherKeyBytes, 'k');

MutableByteSpan span_of(std::string& text) {
  return {reinterpret_cast<std::byte*>(text.data()), text.size()};
}

TEST(Keystreams, AreTheSameFromWhereverOneBegins) {
  test::Random random(7);
  const std::string plain = random.bytes(5000);
  const std::string nonce = new_nonce();
  std::string whole = plain;
  Keystream(kKey, nonce).apply(0, span_of(whole));
  EXPECT_NE(whole, plain);
  for (int i = 0; i < 200; ++i) {
    const std::size_t begin = random.below(plain.size());
    std::string piece = plain.substr(begin, random.below(plain.size() - begin + 1));
    Keystream(kKey, nonce).apply(begin, span_of(piece));
    EXPECT_EQ(piece, whole.substr(begin, piece.size()));
  }
  std::string other = plain;
  Keystream(kKey, new_nonce()).apply(0, span_of(other));
  EXPECT_NE(other, whole);
}

// As openssl(1) has it: enc -aes-256-ctr with a counter of zero, and the HMAC-SHA256 of the nonce for a key.
TEST(Keystreams, AreThoseOfTheStandard) {
  std::string zeros(32, '\0');
  Keystream(kKey, "nonce").apply(0, span_of(zeros));
  EXPECT_EQ(hex(zeros), "4f4cae4881ce3b0e7fefc0831d0a0725fe1124e9dec99355455f40ee391ed33d");
}

TEST(Keystreams, OfAnObjectBeginAnewWithEachPart) {
  const std::vector<ObjectKeystream::Segment> segments{
      {100, new_nonce()}, {0, new_nonce()}, {33, new_nonce()}};
  std::string whole(133, 'x');
  Keystream(kKey, segments[0].nonce).apply(0, span_of(whole).first(100));
  Keystream(kKey, segments[2].nonce).apply(0, span_of(whole).subspan(100));
  ObjectKeystream keystream(kKey, segments);
  std::string middle = whole.substr(90, 30);
  keystream.apply(90, span_of(middle));
  EXPECT_EQ(middle, std::string(30, 'x'));
  keystream.apply(0, span_of(whole));
  EXPECT_EQ(whole, std::string(133, 'x'));
}

TEST(WrappedKeys, OpenWithTheirKeyAndUnchangedOnly) {
  const std::string text = wrapped("secret", kKey);
  EXPECT_EQ(unwrapped(text, kKey), "secret");
  EXPECT_NE(wrapped("secret", kKey), text);
  EXPECT_FALSE(unwrapped(text, std::string(kCipherKeyBytes, 'x')));
  std::string bytes = *from_base64(text);
  bytes[14] = static_cast<char>(bytes[14] ^ 1);
  EXPECT_FALSE(unwrapped(base64(bytes), kKey));
  EXPECT_FALSE(unwrapped("", kKey));
  EXPECT_FALSE(unwrapped("AAAA", kKey));
  EXPECT_FALSE(unwrapped("not base64", kKey));
}

TEST(PartSizes, AreKeptShort) {
  const std::vector<std::uint64_t> sizes{5, 5, 5, 7};
  EXPECT_EQ(part_sizes_text(sizes), "5x3 7");
  EXPECT_EQ(parse_part_sizes("5x3 7"), sizes);
  EXPECT_EQ(parse_part_sizes(part_sizes_text(std::vector<std::uint64_t>(10'000, 9))).size(), 10'000u);
  for (const char* bad : {"x", "5x", "5x10001", "5y2", "5x9999 5x9999", "-1"})
    EXPECT_TRUE(parse_part_sizes(bad).empty()) << bad;
}

TEST(EncryptedObjects, WhoseFactsContradictEachOtherAreNotRead) {
  const ObjectCipher cipher{.fact = "S n w", .key = kKey};
  engine::ObjectInfo info;
  info.size = 10;
  info.notes.facts[kNoncesFact] = new_nonce();
  EXPECT_TRUE(keystream_of(cipher, info));
  info.notes.facts[kPartSizesFact] = "5x2";
  EXPECT_FALSE(keystream_of(cipher, info));
  info.notes.facts.erase(kNoncesFact);
  EXPECT_FALSE(keystream_of(cipher, info));
}

TEST(EncryptionKeys, AreLinesOfNameAndKey) {
  Settings settings;
  ASSERT_TRUE(
      take_encryption_keys("# ours\nnew " + base64(kKey) + "\nold " + base64(kKey) + "\n", settings).ok());
  EXPECT_EQ(settings.encryption_key, "new");
  EXPECT_EQ(settings.encryption_keys.at("old"), kKey);
  for (const std::string& bad : {std::string(), std::string("a b c"), std::string("a AAAA"),
                                 "a " + base64(kKey) + "\na " + base64(kKey)}) {
    Settings none;
    EXPECT_EQ(take_encryption_keys(bad, none).code(), EINVAL) << bad;
  }
}

}  // namespace
}  // namespace ciaos::sidecar
