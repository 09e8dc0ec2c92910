// What the engine leaves behind is what fsck calls whole: the two have no code above the log and the index in common.
#include <gtest/gtest.h>

#include <string>

#include "support/shell.h"
#include "support/temporary_directory.h"
#include "support/test_store.h"
#include "tools/fsck/check.h"
#include "tools/fsck/log_append.h"

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
    ASSERT_TRUE(store_
                    ->change_range(shell.inode("/large"), {.kind = engine::RangeKind::reserve,
                                                           .offset = 390'000,
                                                           .length = 3'000'000,
                                                           .keep_size = true})
                    .ok());
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

  std::vector<std::unique_ptr<store::StoreDevice>> devices() {
    std::vector<std::unique_ptr<store::StoreDevice>> devices;
    devices.push_back(store::raw_store_device(store_.shared_device()));
    return devices;
  }
  CheckOptions options() {
    CheckOptions options;
    options.check_data = true;
    options.index_directory = store_.options.index_directory;
    options.scratch_directory = scratch_.path();
    return options;
  }

  void expect_clean(std::uint64_t inodes) {
    std::string lines;
    Report report([&lines](const std::string& line) { lines += line + "\n"; });
    Progress progress;
    const auto result = run_check(devices(), options(), report, progress);
    ASSERT_TRUE(result.ok()) << to_string(result.error()) << "\n" << lines;
    EXPECT_EQ(report.errors(), 0u) << lines;
    EXPECT_EQ(report.count(Problem::index_foreign), 0u) << lines;
    EXPECT_EQ(result->totals.inodes, inodes) << lines;
    EXPECT_GT(result->totals.verified_bytes, 0u);
  }

  // A batch behind all others that holds `changes`, whatever they are.
  void write_to_log(const meta::Changes& changes) {
    Report report([](const std::string&) {});
    Progress progress;
    const CheckOptions all = options();
    Check check{.options = all, .report = report, .progress = progress, .devices = devices()};
    ASSERT_TRUE(run_passes(check).ok());
    auto log = LogAppend::open(check, nullptr);
    ASSERT_TRUE(log.ok()) << to_string(log.error());
    ASSERT_TRUE((*log)->append(changes).ok());
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

TEST_F(EngineRun, AStoreThatFsckRepairedIsOpenedAndWrittenTo) {
  store_.open();
  live();
  meta::Changes broken;
  {
    test::Shell shell(store_.engine());
    broken.names.emplace(meta::NameKey{kRootInode, "large"}, std::nullopt);
    broken.names.emplace(meta::NameKey{shell.inode("/c/b"), "f7"}, meta::NameRow{InodeId(9999), 999'999, 8});
  }
  ASSERT_TRUE(store_.close().ok());
  write_to_log(broken);

  std::string lines;
  Report report([&lines](const std::string& line) { lines += line + "\n"; });
  Progress progress;
  const Answers yes(Answers::Mode::yes, false);
  const auto repaired = run_check(devices(), options(), report, progress, &yes);
  ASSERT_TRUE(repaired.ok()) << to_string(repaired.error()) << "\n" << lines;
  EXPECT_EQ(repaired->left, 0u) << lines;
  EXPECT_GE(repaired->corrected, 3u) << lines;

  store_.open();
  test::Shell shell(store_.engine());
  const auto found = shell.ls("/lost+found");
  ASSERT_EQ(found.size(), 2u) << "the large file, and the one whose name led elsewhere; " << lines;
  const std::string large = shell.cat("/lost+found/" + found[0]) + shell.cat("/lost+found/" + found[1]);
  EXPECT_EQ(large.substr(large.find('l'), 300'000), std::string(300'000, 'l'));
  EXPECT_EQ(shell.cat("/c/b/f8"), std::string(8 * 977 + 1, 'a'));
  EXPECT_EQ(shell.mv("/lost+found/" + found[0], "/back"), 0);
  EXPECT_EQ(shell.put("/later", "x"), 0);
  ASSERT_TRUE(store_.close().ok());
  expect_clean(kInodes + 2);
}

}  // namespace
}  // namespace ciaos::fsck
