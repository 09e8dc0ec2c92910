// What the scrubber finds, tells and repairs.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/damage_list.h"
#include "engine/damaged_store.h"
#include "engine/inspection.h"
#include "support/random.h"

namespace ciaos::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Scrubbing : public Damage {
 protected:
  static std::string contents_of(int file) {
    return Random(static_cast<std::uint64_t>(file))
        .bytes(20'000 + static_cast<std::size_t>(file) * 731 % 60'000);
  }
  // Enough for several sealed volumes.
  void fill() {
    ASSERT_EQ(shell().mkdir("/d"), 0);
    for (int file = 0; file < kFiles; ++file) ASSERT_EQ(shell().put(path_of(file), contents_of(file)), 0);
    ASSERT_EQ(store->commit().code(), 0);
  }
  static std::string path_of(int file) { return "/d/" + std::to_string(file); }
  // The device's byte that is byte `at` of a file.
  std::uint64_t place_of(int file, std::size_t at) {
    const auto places = find(std::string_view(contents_of(file)).substr(at, 64));
    EXPECT_EQ(places.size(), 1u);
    return places.front();
  }
  void damage(int file, std::size_t at) { flip(place_of(file, at), 2); }
  void scrub() {
    const Status scrubbed = store->scrub();
    ASSERT_TRUE(scrubbed.ok()) << to_string(scrubbed.error());
  }
  std::string listed() { return shell().cat("/.ciaos/damaged"); }
  std::size_t damaged() { return store->statistics().scrub.damaged; }

  static constexpr int kFiles = 60;
};

TEST_F(Scrubbing, AWholeStoreHasNothingToTell) {
  fill();
  scrub();
  EXPECT_EQ(damaged(), 0u);
  EXPECT_EQ(std::ranges::count(listed(), '\n'), 1);
  EXPECT_GT(store->statistics().scrub.read_bytes, std::uint64_t{1} << 20);
  EXPECT_EQ(store->statistics().scrub.rounds, 1u);
  EXPECT_EQ(store->statistics().scrub.repairs, 0u);
}

TEST_F(Scrubbing, DamageIsListedWithFileAndDeviceAndReadsOfItAreErrors) {
  fill();
  damage(7, 9000);
  const std::uint64_t place = place_of(7, 13'000) - 13'000 + 8192;
  scrub();
  ASSERT_EQ(damaged(), 1u);
  EXPECT_THAT(listed(), AllOf(HasSubstr("\t8192\t4096\t"), HasSubstr(path_of(7) + "\n"),
                              HasSubstr(fmt::format("\t{}\t", place))));
  std::uint64_t places = 0;
  for (const engine::VolumeInfo& volume : store->inspection().volumes().value())
    places += volume.damaged_places;
  EXPECT_EQ(places, 1u);
  store->drop_caches();
  EXPECT_EQ(read_code(path_of(7), 0, 8192), 0);
  EXPECT_EQ(read_code(path_of(7), 9000, 1), EUCLEAN);
  EXPECT_EQ(shell().cat(path_of(8)), contents_of(8));
}

TEST_F(Scrubbing, WhatWasWrittenLastIsLookedAtThoughItsVolumeIsStillFilled) {
  ASSERT_EQ(shell().put("/new", contents_of(1)), 0);
  ASSERT_EQ(store->commit().code(), 0);
  flip(find(std::string_view(contents_of(1)).substr(5000, 64)).front(), 2);
  scrub();
  EXPECT_THAT(listed(), AllOf(HasSubstr("\t4096\t4096\t"), HasSubstr("/new\n")));
  // What follows in the same volume is whole.
  ASSERT_EQ(shell().put("/newer", contents_of(2)), 0);
  ASSERT_EQ(store->commit().code(), 0);
  scrub();
  EXPECT_EQ(damaged(), 1u);
  EXPECT_THAT(listed(), Not(HasSubstr("/newer")));
}

TEST_F(Scrubbing, ADamagedHeaderIsTheWholeNeedle) {
  fill();
  flip(place_of(5, 0) - 20, 1);
  scrub();
  EXPECT_THAT(listed(), HasSubstr(fmt::format("\t0\t{}\t", contents_of(5).size())));
}

TEST_F(Scrubbing, ADeviceThatRefusesIsToldApartFromOneThatLies) {
  fill();
  const std::uint64_t place = place_of(5, 0);
  store.device().set_hooks({.before_read = [place](std::uint64_t offset, std::uint64_t bytes) {
    return offset < place + 8192 && place + 4096 < offset + bytes ? Status(fail(EIO, "injected")) : Status{};
  }});
  scrub();
  store.device().set_hooks({});
  EXPECT_THAT(listed(), AllOf(HasSubstr("no-read"), HasSubstr(path_of(5)), Not(HasSubstr(path_of(30)))));
}

TEST_F(Scrubbing, TheListSurvivesARemountAndEndsWithTheDamage) {
  fill();
  damage(7, 9000);
  const std::uint64_t other = place_of(20, 100);
  flip(other, 2);
  scrub();
  const std::string before = listed();
  store.reopen();
  EXPECT_EQ(listed(), before);
  scrub();
  EXPECT_EQ(listed(), before);
  ASSERT_EQ(shell().rm(path_of(7)), 0);
  flip(other, 2);  // as if it had been the cable
  scrub();
  EXPECT_EQ(damaged(), 0u);
}

TEST_F(Scrubbing, AReadOnlyMountShowsTheListAndChangesNothing) {
  fill();
  damage(7, 9000);
  scrub();
  const std::string before = listed();
  ASSERT_TRUE(store.close().ok());
  store.options.read_only = true;
  store.open();
  EXPECT_EQ(listed(), before);
  EXPECT_EQ(store->scrub().code(), EROFS);
}

TEST_F(Scrubbing, SharedAndPartlyOverwrittenBytesAreToldWhereTheyAreSeen) {
  fill();
  const InodeId from = shell().inode(path_of(7));
  ASSERT_EQ(shell().put("/clone", ""), 0);
  ASSERT_TRUE(store->clone_range({.from = from, .to = shell().inode("/clone"), .length = 24'000}).ok());
  ASSERT_EQ(shell().put("/copy", ""), 0);
  ASSERT_TRUE(store->clone_range({.from = from, .to = shell().inode("/copy"), .length = 24'000}).ok());
  ASSERT_EQ(shell().write_at("/copy", 8000, std::string(5000, 'x')), 0);
  damage(7, 9000);
  scrub();
  EXPECT_THAT(listed(), AllOf(HasSubstr(path_of(7) + "\n"), HasSubstr("/clone\n"), Not(HasSubstr("/copy"))));
}

TEST_F(Scrubbing, AStoppedRoundGoesOnWhereItStood) {
  fill();
  ASSERT_TRUE(store.close().ok());
  store.options.background = true;
  store.options.scrub_bytes_per_second = 1;  // one step, then it waits until it is told to end
  store.open();
  while (store->statistics().scrub.read_bytes == 0) std::this_thread::yield();
  ASSERT_TRUE(store.close().ok());
  store.options.background = false;
  store.open();
  scrub();
  const std::uint64_t rest = store->statistics().scrub.read_bytes;
  scrub();
  const std::uint64_t whole = store->statistics().scrub.read_bytes - rest;
  EXPECT_LT(rest, whole);
  EXPECT_EQ(store->statistics().scrub.rounds, 2u);
}

TEST_F(Scrubbing, ADamagedSuperblockCopyIsRepairedFromTheOther) {
  fill();
  for (const std::uint64_t copy : {std::uint64_t{0}, store.device().size() - store::kBlockBytes}) {
    flip(copy + 30, 0);
    scrub();
  }
  EXPECT_EQ(store->statistics().scrub.repairs, 2u);
  store.kill();
  // Each copy alone is enough again.
  overwrite(0, std::string(store::kBlockBytes, '\0'));
  store.open();
  EXPECT_EQ(shell().cat(path_of(3)), contents_of(3));
}

TEST_F(Scrubbing, ADamagedSnapshotIsReplacedByANewOne) {
  fill();
  ASSERT_TRUE(store->snapshot().ok());
  // The pieces are zstd frames; no file holds that magic.
  const auto frames = find(std::string_view("\x28\xB5\x2F\xFD", 4));
  ASSERT_EQ(frames.size(), 1u);
  flip(frames.front() + 40, 3);
  scrub();
  EXPECT_EQ(store->statistics().scrub.repairs, 1u);
  store.kill();
  store.put_index({});
  store.open();
  for (int file = 0; file < kFiles; ++file) ASSERT_EQ(shell().cat(path_of(file)), contents_of(file));
}

TEST_F(Scrubbing, ADamagedLogIsMadeUnneededByASnapshot) {
  ASSERT_EQ(shell().put("/early-name", "x"), 0);
  ASSERT_EQ(store->commit().code(), 0);
  fill();
  for (const std::uint64_t place : find("early-name")) flip(place, 0);
  scrub();
  EXPECT_EQ(store->statistics().scrub.repairs, 1u);
  scrub();
  EXPECT_EQ(store->statistics().scrub.repairs, 1u);
  store.kill();
  store.put_index({});
  store.open();
  EXPECT_EQ(shell().cat("/early-name"), "x");
  EXPECT_EQ(shell().cat(path_of(3)), contents_of(3));
}

class Reports : public EngineTest {};

TEST_F(Reports, AreFoundButNotListedAndChangedByNobody) {
  EXPECT_TRUE(shell().ls("/").empty());
  EXPECT_EQ(shell().ls("/.ciaos"), (std::vector<std::string>{"damaged", "stats", "version"}));
  EXPECT_THAT(shell().cat("/.ciaos/stats"), HasSubstr("damaged 0\n"));
  EXPECT_EQ(shell().stat("/.ciaos/damaged")->mode & 0777u, 0444u);
  EXPECT_EQ(shell().mkdir("/.ciaos"), EPERM);
  EXPECT_EQ(shell().rm("/.ciaos/damaged"), EPERM);
  EXPECT_EQ(shell().rmdir("/.ciaos"), EPERM);
  EXPECT_EQ(shell().put("/.ciaos/new", "x"), EPERM);
  EXPECT_EQ(shell().put("/.ciaos/damaged", "x"), EPERM);
  EXPECT_EQ(shell().mv("/.ciaos", "/other"), EPERM);
  EXPECT_EQ(shell().ln("/.ciaos/stats", "/other"), EPERM);
  EXPECT_EQ(shell().chmod("/.ciaos/stats", 0777), EPERM);
  EXPECT_EQ(shell().mkdir("/d"), 0);
  EXPECT_EQ(shell().mv("/d", "/.ciaos"), EPERM);
  EXPECT_EQ(shell().mkdir("/d/.ciaos"), 0);
  EXPECT_EQ(store->lookup(shell().inode("/.ciaos"), "..")->inode, kRootInode);
}

TEST(DamageText, ComesBackAsItWasWritten) {
  engine::Damage damage;
  damage.at = {VolumeId(3), Generation(2), 123'456};
  damage.inode = InodeId(77);
  damage.file_offset = 8192;
  damage.length = 4096;
  damage.code = EIO;
  damage.device_offset = 999;
  damage.device = "/dev/with\ttab";
  damage.path = "/a\nb\\c/\xff";
  const auto back = engine::decode_damages(engine::encode_damages({damage}));
  ASSERT_TRUE(back.ok());
  ASSERT_EQ(back->size(), 1u);
  EXPECT_EQ(engine::encode_damages(*back), engine::encode_damages({damage}));
  EXPECT_EQ(back->front().path, damage.path);
  EXPECT_EQ(back->front().code, EIO);
}

TEST(DamageText, AnythingElseIsRefused) {
  const std::string good = engine::encode_damages({engine::Damage{.code = EUCLEAN}});
  ASSERT_TRUE(engine::decode_damages(good).ok());
  Random dice(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string text = good;
    for (std::uint64_t n = 1 + dice.below(4); n > 0; --n) text[dice.below(text.size())] = dice.bytes(1)[0];
    text.resize(dice.chance(50) ? text.size() : dice.below(text.size()));
    const auto decoded = engine::decode_damages(text);
    if (decoded.ok()) EXPECT_LE(decoded->size(), 4u);
  }
  for (const std::string& wrong : {std::string(), good + "x", good.substr(0, good.size() - 1), good + "\n"}) {
    EXPECT_EQ(engine::decode_damages(wrong).code(), EINVAL) << wrong;
  }
}

}  // namespace
}  // namespace ciaos::test
