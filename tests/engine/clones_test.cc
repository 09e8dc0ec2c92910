// Files that share bytes: what a clone costs, and that nobody notices (P15, invariants 3 and 5).
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <string>

#include "support/engine_fixture.h"
#include "support/random.h"

namespace ciaos::test {
namespace {

using engine::CloneRange;

class Clones : public EngineTest {
 protected:
  explicit Clones(const StoreShape& shape = {.volume_bytes = 4u << 20}) : EngineTest(shape) {}

  struct Part {
    std::string_view path;
    std::uint64_t offset = 0;
  };
  // The bytes done, or minus the errno.
  std::int64_t clone(const Part& from, const Part& to, std::uint64_t length) {
    const auto done = store->clone_range({.from = shell().inode(from.path),
                                          .from_offset = from.offset,
                                          .to = shell().inode(to.path),
                                          .to_offset = to.offset,
                                          .length = length});
    return done.ok() ? static_cast<std::int64_t>(*done) : -static_cast<std::int64_t>(done.code());
  }
  std::uint64_t appended() { return store->statistics().writer.bytes_appended; }
};

TEST_F(Clones, ACloneCostsRowsAndNoBytes) {
  ASSERT_EQ(shell().put("/a", pattern(3'000'000)), 0);
  ASSERT_EQ(store->commit().code(), 0);
  ASSERT_EQ(shell().put("/b", ""), 0);
  const std::uint64_t before = appended();
  EXPECT_EQ(clone({"/a"}, {"/b"}, ~0ull >> 1), 3'000'000);
  ASSERT_EQ(store->commit().code(), 0);
  EXPECT_LT(appended() - before, 16'384u);
  EXPECT_EQ(shell().cat("/b"), pattern(3'000'000));
  EXPECT_EQ(shell().stat("/b")->blocks512, shell().stat("/a")->blocks512);
  store.reopen();
  EXPECT_EQ(shell().cat("/b"), pattern(3'000'000));
}

TEST_F(Clones, WhatIsStillBufferedIsClonedToo) {
  ASSERT_EQ(shell().put("/a", pattern(5000)), 0);
  ASSERT_EQ(shell().put("/b", pattern(9000, 'A')), 0);
  EXPECT_EQ(clone({"/a", 10}, {"/b", 2000}, 4000), 4000);
  std::string expected = pattern(9000, 'A');
  expected.replace(2000, 4000, pattern(5000), 10, 4000);
  EXPECT_EQ(shell().cat("/b"), expected);
  EXPECT_EQ(shell().cat("/a"), pattern(5000));
  store.reopen();
  EXPECT_EQ(shell().cat("/b"), expected);
}

TEST_F(Clones, EachGoesItsOwnWayAfterwards) {
  ASSERT_EQ(shell().put("/a", pattern(200'000)), 0);
  ASSERT_EQ(shell().put("/b", ""), 0);
  ASSERT_EQ(clone({"/a"}, {"/b"}, 200'000), 200'000);
  ASSERT_EQ(shell().write_at("/a", 100, pattern(50, 'A')), 0);
  ASSERT_EQ(shell().truncate("/a", 150), 0);
  EXPECT_EQ(shell().cat("/b"), pattern(200'000));
  ASSERT_EQ(shell().rm("/a"), 0);
  for (int i = 0; i < 6; ++i) {
    store.clock->advance_ms(1000);
    ASSERT_EQ(shell().chmod("/", 0755), 0);
    ASSERT_EQ(store->commit().code(), 0);
  }
  store.reopen();
  store->drop_caches();
  EXPECT_EQ(shell().cat("/b"), pattern(200'000));
}

TEST_F(Clones, HolesAreClonedAsHoles) {
  ASSERT_EQ(shell().put("/a", "data"), 0);
  ASSERT_EQ(shell().truncate("/a", 100'000), 0);
  ASSERT_EQ(shell().put("/b", pattern(50'000)), 0);
  ASSERT_EQ(clone({"/a"}, {"/b"}, 100'000), 100'000);
  EXPECT_EQ(shell().cat("/b"), "data" + std::string(99'996, '\0'));
  EXPECT_EQ(shell().stat("/b")->blocks512, 1u);
}

TEST_F(Clones, TheEndOfTheSourceIsTheEnd) {
  ASSERT_EQ(shell().put("/a", pattern(1000)), 0);
  ASSERT_EQ(shell().put("/b", "b"), 0);
  const std::string before = describe(*shell().stat("/b"));
  store.clock->advance_ms(10);
  EXPECT_EQ(clone({"/a", 1000}, {"/b"}, 10), 0);
  EXPECT_EQ(clone({"/a", 5000}, {"/b"}, 10), 0);
  EXPECT_EQ(clone({"/a"}, {"/b"}, 0), 0);
  EXPECT_EQ(describe(*shell().stat("/b")), before);
  EXPECT_EQ(clone({"/a", 900}, {"/b", 4000}, 1000), 100);
  EXPECT_EQ(shell().stat("/b")->size, 4100u);
  EXPECT_EQ(shell().stat("/b")->modified, store.clock->now());
  EXPECT_EQ(shell().cat("/b"), "b" + std::string(3999, '\0') + pattern(1000).substr(900));
}

TEST_F(Clones, OneFileClonesItselfButNotOverItself) {
  ASSERT_EQ(shell().put("/a", pattern(1000)), 0);
  EXPECT_EQ(clone({"/a", 0}, {"/a", 999}, 1000), -EINVAL);
  EXPECT_EQ(clone({"/a", 500}, {"/a", 1}, 500), -EINVAL);
  EXPECT_EQ(clone({"/a", 0}, {"/a", 1000}, 1000), 1000);
  EXPECT_EQ(clone({"/a", 500}, {"/a", 0}, 500), 500);
  EXPECT_EQ(shell().cat("/a"), pattern(1000).substr(500) + pattern(1000).substr(500) + pattern(1000));
}

TEST_F(Clones, WhatIsNoFileOrTooLargeIsRefused) {
  ASSERT_EQ(shell().put("/a", pattern(1000)), 0);
  ASSERT_EQ(shell().mkdir("/d"), 0);
  EXPECT_EQ(clone({"/d"}, {"/a"}, 1), -EISDIR);
  EXPECT_EQ(clone({"/a"}, {"/d"}, 1), -EISDIR);
  ASSERT_EQ(shell().put("/b", ""), 0);
  EXPECT_EQ(clone({"/a"}, {"/b", engine::kFileBytesMax - 999}, 1000), -EFBIG);
  EXPECT_EQ(shell().stat("/b")->size, 0u);
  ASSERT_EQ(shell().chmod("/b", 06755), 0);
  const CloneRange unprivileged{
      .from = shell().inode("/a"), .to = shell().inode("/b"), .length = 1, .clears_set_id = true};
  EXPECT_TRUE(store->clone_range(unprivileged).ok());
  EXPECT_EQ(shell().stat("/b")->mode & 07777, 0755u);
}

TEST_F(Clones, OneCallDoesAsMuchAsFitsABatchAndSaysHowMuch) {
  constexpr std::uint64_t kBytes = 2 * 5000 - 1;
  ASSERT_EQ(shell().put("/a", ""), 0);
  for (std::uint64_t at = 0; at < kBytes; at += 2) ASSERT_EQ(shell().write_at("/a", at, "x"), 0);
  ASSERT_EQ(shell().fsync("/a"), 0);
  for (const bool into_many : {false, true}) {
    const char* path = into_many ? "/a" : "/b";
    if (!into_many) ASSERT_EQ(shell().put("/b", ""), 0);
    const std::uint64_t to = into_many ? kBytes : 0;
    std::uint64_t done = 0;
    int calls = 0;
    while (done < kBytes) {
      const std::int64_t now = clone({"/a", done}, {path, to + done}, kBytes - done);
      ASSERT_GT(now, 0);
      done += static_cast<std::uint64_t>(now);
      ++calls;
    }
    EXPECT_GT(calls, 1);
  }
  EXPECT_EQ(shell().cat("/a"), shell().cat("/b") + shell().cat("/b"));
  // Into a file that has many extents itself.
  EXPECT_LT(clone({"/b"}, {"/a"}, kBytes), static_cast<std::int64_t>(kBytes));
}

TEST_F(Clones, AKillKeepsWholeClones) {
  ASSERT_EQ(shell().put("/a", pattern(100'000)), 0);
  ASSERT_EQ(shell().put("/b", pattern(100'000, 'A')), 0);
  ASSERT_EQ(store->commit().code(), 0);
  ASSERT_EQ(clone({"/a"}, {"/b"}, 50'000), 50'000);
  ASSERT_EQ(shell().fsync("/b"), 0);
  ASSERT_EQ(clone({"/a", 50'000}, {"/b", 50'000}, 50'000), 50'000);
  kill_and_open();
  EXPECT_EQ(shell().cat("/b"), pattern(100'000).substr(0, 50'000) + pattern(100'000, 'A').substr(50'000));
}

// Few files, many clones over and into each other, and punches and writes between them.
TEST_F(Clones, TangledFilesHoldWhatTheModelHolds) {
  constexpr std::size_t kBytes = 200'000;
  const SeedRange seeds = seeds_to_run(12);
  for (std::uint64_t seed = seeds.begin; seed < seeds.end; ++seed) {
    SCOPED_TRACE("CIAOS_SEED=" + std::to_string(seed));
    Random random(seed);
    std::array<std::string, 3> model;
    const auto path = [&](std::size_t file) {
      return "/" + std::to_string(seed) + "." + std::to_string(file);
    };
    for (std::size_t file = 0; file < model.size(); ++file) {
      model[file] = random.bytes(kBytes);
      ASSERT_EQ(shell().put(path(file), model[file]), 0);
    }
    for (int step = 0; step < 250; ++step) {
      const std::size_t from = random.below(model.size());
      const std::size_t to = random.below(model.size());
      const std::size_t at = random.below(kBytes);
      const std::size_t into = random.below(kBytes);
      const std::size_t length = 1 + random.below(std::min(kBytes - std::max(at, into), std::size_t{60'000}));
      const std::uint64_t kind = random.below(10);
      if (kind < 6) {
        const bool overlaps = from == to && std::max(at, into) - std::min(at, into) < length;
        const std::int64_t done = clone({path(from), at}, {path(to), into}, length);
        ASSERT_EQ(done, overlaps ? -EINVAL : static_cast<std::int64_t>(length));
        if (!overlaps) model[to].replace(into, length, std::string(model[from], at, length));
      } else if (kind < 8) {
        const std::string bytes = random.bytes(1 + random.below(std::min<std::size_t>(length, 3000)));
        ASSERT_EQ(shell().write_at(path(to), into, bytes), 0);
        model[to].replace(into, bytes.size(), bytes);
      } else if (kind < 9) {
        ASSERT_EQ(store->change_range(shell().inode(path(to)), {.offset = into, .length = length}).code(), 0);
        model[to].replace(into, length, std::string(length, '\0'));
      } else {
        ASSERT_EQ(shell().fsync(path(to)), 0);
        if (random.chance(20)) store.reopen();
      }
      ASSERT_TRUE(shell().cat(path(to)) == model[to]) << "step " << step;
    }
    for (std::size_t file = 0; file < model.size(); ++file) {
      ASSERT_TRUE(shell().cat(path(file)) == model[file]);
      ASSERT_EQ(shell().rm(path(file)), 0);
    }
  }
}

}  // namespace
}  // namespace ciaos::test
