// What the engine leaves behind is what fsck calls whole: the two have no code above the log and the index in common.
#include <gtest/gtest.h>

#include <string>

#include "support/shell.h"
#include "support/temporary_directory.h"
#include "support/test_store.h"
#include "tools/fsck/check.h"

namespace ciaos::fsck {
namespace {

class EngineRun : public testing::Test {
 protected:
  // Makes, renames, overwrites, links and removes; everything that moves a count.
  void live() {
    test::Shell shell(store_.engine());
    ASSERT_EQ(shell.mkdir("/a"), 0);
    ASSERT_EQ(shell.mkdir("/a/b"), 0);
    ASSERT_EQ(shell.mkdir("/c"), 0);
    for (int i = 0; i < 40; ++i) {
      const std::string path = "/a/b/f" + std::to_string(i);
      ASSERT_EQ(shell.put(path, std::string(static_cast<std::size_t>(i) * 977 + 1, 'a')), 0);
    }
    ASSERT_EQ(shell.put("/large", std::string(700'000, 'l')), 0);
    ASSERT_EQ(shell.write_at("/large", 300'000, std::string(5'000, 'm')), 0);
    ASSERT_EQ(shell.write_at("/large", 900'000, "behind a hole"), 0);
    ASSERT_EQ(shell.fsync("/large"), 0);
    ASSERT_EQ(shell.truncate("/large", 400'000), 0);
    ASSERT_EQ(shell.symlink("a/b/f1", "/link"), 0);
    ASSERT_EQ(shell.ln("/a/b/f2", "/c/second"), 0);
    ASSERT_EQ(shell.mv("/a/b", "/c/b"), 0);
    ASSERT_EQ(shell.mv("/c/b/f3", "/c/b/f4"), 0);
    ASSERT_EQ(shell.rm("/c/b/f5"), 0);
    ASSERT_EQ(shell.mkdir("/gone"), 0);
    ASSERT_EQ(shell.rmdir("/gone"), 0);
    ASSERT_EQ(shell.chmod("/c", 0700), 0);
    ASSERT_TRUE(store_->commit().ok());
  }

  void expect_clean(std::uint64_t inodes) {
    std::string lines;
    Report report([&lines](const std::string& line) { lines += line + "\n"; });
    Progress progress;
    CheckOptions options;
    options.check_data = true;
    options.index_directory = store_.options.index_directory;
    options.scratch_directory = scratch_.path();
    std::vector<std::unique_ptr<store::StoreDevice>> devices;
    devices.push_back(store::raw_store_device(store_.shared_device()));
    const auto result = run_check(std::move(devices), options, report, progress);
    ASSERT_TRUE(result.ok()) << to_string(result.error()) << "\n" << lines;
    EXPECT_EQ(report.errors(), 0u) << lines;
    EXPECT_EQ(report.count(Problem::index_foreign), 0u) << lines;
    EXPECT_EQ(result->totals.inodes, inodes) << lines;
    EXPECT_GT(result->totals.verified_bytes, 0u);
  }

  // Root, /a, /c, /c/b, 40 files less f5 and the f4 that f3 replaced, /large, /link.
  static constexpr std::uint64_t kInodes = 4 + 38 + 2;

  test::TemporaryDirectory scratch_;
  test::TestStore store_;
};

TEST_F(EngineRun, AStoreThatWasClosedIsClean) {
  store_.open();
  live();
  ASSERT_TRUE(store_.close().ok());
  expect_clean(kInodes);
}

TEST_F(EngineRun, AStoreWhoseOwnerDiedIsClean) {
  store_.open();
  live();
  test::Shell shell(store_.engine());
  ASSERT_EQ(shell.put("/never-synced", std::string(100'000, 'n')), 0);
  store_.kill();
  expect_clean(kInodes);
}

TEST_F(EngineRun, AStoreWithoutItsIndexIsClean) {
  store_.open();
  live();
  ASSERT_TRUE(store_->snapshot().ok());
  store_.kill();
  store_.put_index({});
  expect_clean(kInodes);
}

TEST_F(EngineRun, AStoreThatWasOpenedAgainIsClean) {
  store_.open();
  live();
  ASSERT_TRUE(store_->snapshot().ok());
  store_.kill();
  store_.open();
  test::Shell shell(store_.engine());
  ASSERT_EQ(shell.put("/later", "x"), 0);
  ASSERT_TRUE(store_.close().ok());
  expect_clean(kInodes + 1);
}

}  // namespace
}  // namespace ciaos::fsck
