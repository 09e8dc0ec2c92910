#include "engine/name_cache.h"

#include <gtest/gtest.h>

#include <string>

namespace ciaos::engine {
namespace {

constexpr InodeId kTop{10};
constexpr InodeId kDirectory{11};
constexpr InodeId kFile{12};

meta::NameRow row_of(InodeId child) { return {child, 1, 0}; }

// A cache that knows /directory, made just now.
class WholeDirectory : public testing::Test {
 protected:
  WholeDirectory() {
    cache.begin(kDirectory);
    cache.remember(kTop, "directory", row_of(kDirectory));
  }
  bool knows_of_none(InodeId directory, std::string_view name) {
    const NameCache::Found found = cache.find(directory, name);
    return found.known && !found.row;
  }
  NameCache cache{8 * (NameCache::kEntryBytes + 16)};
};

TEST_F(WholeDirectory, HasNoNamesButThoseThatItWasGiven) {
  EXPECT_TRUE(knows_of_none(kDirectory, "file"));
  cache.remember(kDirectory, "file", row_of(kFile));
  EXPECT_EQ(cache.find(kDirectory, "file").row, row_of(kFile));
  EXPECT_TRUE(knows_of_none(kDirectory, "other"));
  EXPECT_FALSE(cache.find(kTop, "other").known);
}

TEST_F(WholeDirectory, IsOneNoLongerWhenANameOfItIsThrownOut) {
  cache.remember(kDirectory, "file", row_of(kFile));
  for (int i = 0; cache.find(kDirectory, "other").known; ++i) {
    ASSERT_LT(i, 100);
    cache.remember(kTop, "filler" + std::to_string(i), std::nullopt);
    (void)cache.find(kTop, "directory");  // stays the newest
  }
  EXPECT_FALSE(cache.find(kDirectory, "file").known);
}

TEST_F(WholeDirectory, MayForgetWhatIsNotThere) {
  cache.remember(kDirectory, "removed", std::nullopt);
  for (int i = 0; i < 100; ++i) {
    cache.remember(kTop, "filler" + std::to_string(i), std::nullopt);
    (void)cache.find(kTop, "directory");
  }
  EXPECT_TRUE(knows_of_none(kDirectory, "removed"));
}

TEST_F(WholeDirectory, IsForgottenWithItsName) {
  cache.remember(kTop, "directory", std::nullopt);
  EXPECT_FALSE(cache.find(kDirectory, "file").known);
  cache.clear();
  EXPECT_EQ(cache.bytes(), 0u);
}

}  // namespace
}  // namespace ciaos::engine
