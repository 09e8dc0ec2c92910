// A wall clock that is set, forwards and back: times of files follow it, and nothing else does.
#include <gtest/gtest.h>

#include "support/engine_fixture.h"

namespace ciaos::test {
namespace {

constexpr std::int64_t kYear = 365 * 86'400;

class ClockJumps : public EngineTest {
 protected:
  std::int64_t modified(const char* path) { return shell().stat(path)->modified.seconds; }
  void expect_files() {
    EXPECT_EQ(shell().ls("/"), (std::vector<std::string>{"after", "before", "long-ago", "now"}));
    EXPECT_EQ(shell().cat("/before"), "12");
    EXPECT_EQ(modified("/before"), began_ - 10 * kYear);
    EXPECT_EQ(modified("/after"), began_ + 90 * kYear);
    EXPECT_EQ(modified("/long-ago"), began_ - 110 * kYear);
    EXPECT_LT(modified("/long-ago"), 0);
  }
  const std::int64_t began_ = store.clock->now().seconds;
};

TEST_F(ClockJumps, TimesOfFilesFollowAndNothingIsLost) {
  ASSERT_EQ(shell().put("/now", "0"), 0);
  ASSERT_EQ(shell().put("/before", "1"), 0);
  ASSERT_EQ(store->commit().code(), 0);
  store.clock->jump_seconds(-10 * kYear);
  ASSERT_EQ(shell().append("/before", "2"), 0);
  ASSERT_EQ(shell().fsync("/before"), 0);
  store.clock->jump_seconds(100 * kYear);
  ASSERT_EQ(shell().put("/after", "3"), 0);
  ASSERT_EQ(store->scrub().code(), 0);
  store.clock->jump_seconds(-200 * kYear);
  ASSERT_EQ(shell().put("/long-ago", "4"), 0);
  ASSERT_EQ(store->scrub().code(), 0);
  ASSERT_EQ(store->commit().code(), 0);
  expect_files();
  kill_and_open();
  expect_files();
  store.kill();
  store.put_index({});
  store.open();
  expect_files();
}

}  // namespace
}  // namespace ciaos::test
