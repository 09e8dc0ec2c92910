// Listings of keys: in byte order of whole keys, in pages, against a sorted set of strings.
#include <set>

#include "engine/objects.h"
#include "support/engine_fixture.h"
#include "support/object_shell.h"
#include "support/random.h"

namespace ciaos::test {
namespace {

using namespace engine;
using testing::ElementsAre;

class ObjectListing : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    ASSERT_EQ(store->objects().create_bucket("b", {}, {}).code(), 0);
  }
  ObjectShell keys() { return ObjectShell(store.engine()); }
};

TEST_F(ObjectListing, AWalkOfDirectoriesIsNotTheOrderOfKeys) {
  for (const char* key : {"a/b", "a-b", "a", "a.txt", "a0", "a-/x", "a--", "B", "\xff", "\x01"}) {
    if (std::string_view(key) == "a") continue;  // cannot be beside "a/b"
    ASSERT_EQ(keys().put(std::string("b/") + key, ""), 0) << key;
  }
  EXPECT_THAT(keys().ls({.bucket = "b"}),
              ElementsAre("\x01", "B", "a--", "a-/x", "a-b", "a.txt", "a/b", "a0", "\xff"));
  EXPECT_THAT(keys().ls({.bucket = "b", .delimiter = "/"}),
              ElementsAre("\x01", "B", "a--", "a-/", "a-b", "a.txt", "a/", "a0", "\xff"));
  EXPECT_THAT(keys().ls({.bucket = "b", .prefix = "a-"}), ElementsAre("a--", "a-/x", "a-b"));
  EXPECT_THAT(keys().ls({.bucket = "b", .start_after = "a-b"}), ElementsAre("a.txt", "a/b", "a0", "\xff"));
  EXPECT_EQ(keys().ls({.bucket = "none"}).front().substr(0, 5), "error");
}

TEST_F(ObjectListing, EmptyImplicitDirectoriesAreNotShown) {
  ASSERT_EQ(keys().put("b/d/e/k", ""), 0);
  ASSERT_EQ(keys().put("b/z", ""), 0);
  ASSERT_EQ(shell().rm("/b/d/e/k"), 0);
  EXPECT_THAT(keys().ls({.bucket = "b", .delimiter = "/"}), ElementsAre("z"));
}

TEST_F(ObjectListing, AHugeDirectoryComesInPagesFromRowsOldAndNew) {
  std::set<std::string> model;
  for (int i = 0; i < 3000; ++i) {
    const std::string key = "many/" + std::to_string(i * 7919 % 3001);
    model.insert(key);
    ASSERT_EQ(shell().mkdir("/b/many") * (i == 0), 0);
    ASSERT_EQ(shell().put("/b/" + key, ""), 0);
    if (i == 1500) ASSERT_EQ(store->commit().code(), 0);
  }
  for (int i = 0; i < 3000; i += 3) {
    const std::string key = "many/" + std::to_string(i);
    if (model.erase(key) > 0) ASSERT_EQ(shell().rm("/b/" + key), 0);
  }
  const std::vector<std::string> expected(model.begin(), model.end());
  EXPECT_EQ(keys().ls({.bucket = "b", .prefix = "many/", .start_after = "many/", .limit = 77}), expected);
  store.reopen();
  EXPECT_EQ(keys().ls({.bucket = "b", .start_after = "many/"}), expected);
}

// What S3 would answer, from nothing but a sorted set.
std::vector<std::string> expected_of(const std::set<std::string>& model, const ObjectList& list) {
  std::vector<std::string> out;
  for (const std::string& key : model) {
    if (!key.starts_with(list.prefix)) continue;
    const std::size_t at =
        list.delimiter.empty() ? std::string::npos : key.find(list.delimiter, list.prefix.size());
    const std::string shown = at == std::string::npos ? key : key.substr(0, at + list.delimiter.size());
    if (key <= list.start_after || shown == list.start_after) continue;
    if (out.empty() || out.back() != shown) out.push_back(shown);
  }
  return out;
}

TEST_F(ObjectListing, RandomKeysAreListedAsASortedSetWould) {
  const SeedRange seeds = seeds_to_run(6);
  for (std::uint64_t seed = seeds.begin; seed < seeds.end; ++seed) {
    SCOPED_TRACE("CIAOS_SEED=" + std::to_string(seed));
    Random random(seed);
    const std::string bucket = "r" + std::to_string(seed);
    ASSERT_EQ(store->objects().create_bucket(bucket, {}, {}).code(), 0);
    constexpr std::string_view kAlphabet = "ab-.0//";
    const auto random_key = [&] {
      std::string key;
      for (std::uint64_t i = 1 + random.below(8); i > 0; --i)
        key += kAlphabet[random.below(kAlphabet.size())];
      return key;
    };
    std::set<std::string> model;
    for (int i = 0; i < 300; ++i) {
      const std::string key = random_key();
      if (key.ends_with('/')) continue;
      if (random.chance(25)) {
        const int removed = keys().rm(bucket + "/" + key);
        ASSERT_EQ(model.erase(key), removed == 0 ? 1u : 0u) << key;
      } else if (keys().put(bucket + "/" + key, "") == 0) {
        model.insert(key);
      }
      if (random.chance(2)) ASSERT_EQ(store->settle().code(), 0);
    }
    for (int i = 0; i < 150; ++i) {
      ObjectList list{.bucket = bucket};
      if (random.chance(60)) list.prefix = random_key().substr(0, 3);
      if (random.chance(70)) list.delimiter = random.chance(70) ? "/" : random_key().substr(0, 2);
      if (random.chance(40)) list.start_after = random_key();
      list.limit = 1 + random.below(20);
      ASSERT_EQ(keys().ls(list), expected_of(model, list))
          << "prefix " << list.prefix << " delimiter " << list.delimiter << " after " << list.start_after;
    }
  }
}

}  // namespace
}  // namespace ciaos::test
