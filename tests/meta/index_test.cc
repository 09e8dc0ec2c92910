// What an index shows of the batches that were applied to it.
#include "meta/index.h"

#include <gtest/gtest.h>

#include "meta/index_fixture.h"
#include "support/random_changes.h"

namespace ciaos::meta {
namespace {

using test::extent;
using test::file;
using test::IndexTest;
using test::position;

constexpr InodeId kDirectory{10};
constexpr InodeId kFile{20};
const VolumeId kVolume = make_volume_id(0, 4);
const VolumeId kOtherVolume = make_volume_id(1, 0);
const VolumeRow kOpenVolume{Generation(1), VolumeState::open, Sequence(2)};

using IndexApply = IndexTest;

TEST_F(IndexApply, ANewIndexIsEmptyAndHasNoPosition) {
  EXPECT_EQ(applied(), std::nullopt);
  EXPECT_TRUE(everything().empty());
}

TEST_F(IndexApply, EveryKindOfRowIsFoundByItsKey) {
  Changes batch;
  batch.inodes[kFile] = file(100);
  batch.names[{kDirectory, "name"}] = NameRow{kFile, 7, 8};
  batch.extents[{kFile, 0}] = extent(kVolume, 4096, 100);
  batch.xattrs[{kFile, "user.a"}] = XattrRow{"value"};
  batch.xattrs[{kFile, "user.empty"}] = XattrRow{""};
  batch.volumes[kVolume] = kOpenVolume;
  batch.counters[1] = CounterRow{21};
  must_apply(batch);

  IndexReader view = reader();
  EXPECT_EQ(*view.applied(), position(1));
  EXPECT_EQ(*view.inode(kFile), file(100));
  EXPECT_EQ(*view.name(kDirectory, "name"), (NameRow{kFile, 7, 8}));
  EXPECT_EQ(view.extents(kFile, 0, 100, 10)->at(0).row, extent(kVolume, 4096, 100));
  EXPECT_EQ(*view.xattr(kFile, "user.a"), XattrRow{"value"});
  EXPECT_EQ(*view.xattr(kFile, "user.empty"), XattrRow{""});
  EXPECT_EQ(*view.xattr_names(kFile), (std::vector<std::string>{"user.a", "user.empty"}));
  EXPECT_EQ(view.volumes()->at(0).row, kOpenVolume);
  EXPECT_EQ(*view.counter(1), 21u);
}

TEST_F(IndexApply, WhatIsNotThereIsNoError) {
  IndexReader view = reader();
  EXPECT_EQ(*view.inode(kFile), std::nullopt);
  EXPECT_EQ(*view.name(kDirectory, "name"), std::nullopt);
  EXPECT_TRUE(view.extents(kFile, 0, UINT64_MAX, 10)->empty());
  EXPECT_EQ(*view.xattr(kFile, "user.a"), std::nullopt);
  EXPECT_EQ(*view.counter(1), std::nullopt);
  EXPECT_TRUE(view.orphans(InodeId(0), 10)->empty());
}

TEST_F(IndexApply, LaterBatchesOfOneTransactionWin) {
  Changes first, second;
  first.inodes[kFile] = file(1);
  first.extents[{kFile, 0}] = extent(kVolume, 0, 1);
  second.inodes[kFile] = file(2);
  second.extents[{kFile, 0}] = extent(kVolume, 8, 2);
  first.volumes[kVolume] = kOpenVolume;
  const Changes* const batches[] = {&first, &second};
  ASSERT_TRUE(index_->apply(batches, position(5)).ok());
  EXPECT_EQ((*reader().inode(kFile))->size, 2u);
  EXPECT_EQ(usage(kVolume).extents, 1u);
  EXPECT_EQ(usage(kVolume).bytes, 2u);
  EXPECT_EQ(applied(), position(5));
}

TEST_F(IndexApply, ADeletionOfWhatNeverCameIsNoContradiction) {
  Changes batch;
  batch.inodes[kFile] = std::nullopt;
  batch.names[{kDirectory, "gone"}] = std::nullopt;
  batch.extents[{kFile, 0}] = std::nullopt;
  batch.xattrs[{kFile, "user.a"}] = std::nullopt;
  batch.volumes[kVolume] = std::nullopt;
  batch.counters[9] = std::nullopt;
  must_apply(batch);
  EXPECT_TRUE(everything().empty());
  EXPECT_EQ(applied(), position(1));
}

TEST_F(IndexApply, AnyBatchesAddUpToTheSameRowsAsInMemory) {
  const auto [first, last] = ciaos::test::seeds_to_run(8);
  for (std::uint64_t seed = first; seed < last; ++seed) {
    SCOPED_TRACE("CIAOS_SEED=" + std::to_string(seed));
    ciaos::test::Random random(seed);
    close();
    ASSERT_TRUE(Index::remove(directory()).ok());
    open();
    Changes model;
    std::uint64_t next_position = 0;
    for (int round = 0; round < 12; ++round) {
      Changes batch = test::random_changes(random, 80);
      for (auto& [key, row] : batch.names) {
        if (row) row->position = ++next_position;
      }
      // Some rows of before change or go.
      for (const auto& [key, row] : model.inodes) {
        if (random.chance(20)) batch.inodes[key] = std::nullopt;
      }
      for (const auto& [key, row] : model.extents) {
        if (random.chance(20))
          batch.extents[key] = extent(kVolume, random.below(1000), 1);
        else if (random.chance(20))
          batch.extents[key] = std::nullopt;
      }
      for (const auto& [key, row] : model.names) {
        if (random.chance(20)) batch.names[key] = std::nullopt;
      }
      must_apply(batch);
      const auto merge = [](auto& into, const auto& changes) {
        for (const auto& [key, row] : changes) {
          if (row)
            into[key] = row;
          else
            into.erase(key);
        }
      };
      merge(model.inodes, batch.inodes);
      merge(model.names, batch.names);
      merge(model.extents, batch.extents);
      merge(model.xattrs, batch.xattrs);
      merge(model.volumes, batch.volumes);
      merge(model.counters, batch.counters);
      ASSERT_EQ(everything(1 + random.below(4096)), model);
    }
    std::map<VolumeId, std::pair<std::uint64_t, std::uint64_t>> counted;
    for (const auto& [key, row] : model.extents) {
      counted[row->needle.at.volume].first += 1;
      counted[row->needle.at.volume].second += row->length;
    }
    IndexReader view = reader();
    const auto volumes = view.volumes();
    for (const VolumeUsage& volume : *volumes) {
      EXPECT_EQ(std::pair(volume.extents, volume.bytes), counted[volume.volume]);
    }
  }
}

TEST_F(IndexApply, ExchangedNamesTradePositionsInOneBatch) {
  Changes batch;
  batch.names[{kDirectory, "a"}] = NameRow{InodeId(1), 1, 8};
  batch.names[{kDirectory, "b"}] = NameRow{InodeId(2), 2, 8};
  must_apply(batch);
  batch.names[{kDirectory, "a"}]->position = 2;
  batch.names[{kDirectory, "b"}]->position = 1;
  must_apply(batch);
  EXPECT_EQ(listing(kDirectory), (std::vector<std::string>{"b", "a"}));
}

TEST_F(IndexApply, TwoNamesAtOnePositionContradictAndChangeNothing) {
  Changes batch;
  batch.names[{kDirectory, "a"}] = NameRow{InodeId(1), 1, 8};
  must_apply(batch);
  Changes bad;
  bad.inodes[kFile] = file();
  bad.names[{kDirectory, "b"}] = NameRow{InodeId(2), 1, 8};
  const Status refused = apply(bad);
  ASSERT_EQ(refused.code(), EUCLEAN);
  EXPECT_NE(refused.error().context.find("\"b\""), std::string::npos) << refused.error().context;
  EXPECT_EQ(everything(), batch);
  EXPECT_EQ(applied(), position(1));
  Changes good;
  good.inodes[kFile] = file();
  must_apply(good);
  EXPECT_EQ(applied(), position(3)) << "the index goes on after a refused batch";
}

TEST_F(IndexApply, AFailedTransactionLeavesNoUsageBehind) {
  Changes bad;
  bad.names[{kDirectory, "a"}] = NameRow{InodeId(1), 1, 8};
  bad.names[{kDirectory, "b"}] = NameRow{InodeId(2), 1, 8};
  Changes with_extent;
  with_extent.extents[{kFile, 0}] = extent(kVolume, 0, 10);
  const Changes* const batches[] = {&with_extent, &bad};
  ASSERT_EQ(index_->apply(batches, position(++sequence_)).code(), EUCLEAN);
  Changes good;
  good.volumes[kVolume] = kOpenVolume;
  must_apply(good);
  EXPECT_EQ(usage(kVolume).extents, 0u);
}

TEST_F(IndexApply, APositionAtOrBehindTheAppliedOneIsOurMistake) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  must_apply({});
  EXPECT_DEATH((void)index_->apply({}, position(1)), "");
}

TEST_F(IndexApply, UsageFollowsEveryPutReplacementAndDeletion) {
  Changes batch;
  batch.volumes[kVolume] = kOpenVolume;
  batch.volumes[kOtherVolume] = kOpenVolume;
  batch.extents[{kFile, 0}] = extent(kVolume, 0, 10);
  batch.extents[{kFile, 10}] = extent(kVolume, 0, 10);  // a clone: bytes named twice count twice
  must_apply(batch);
  EXPECT_EQ(usage(kVolume).extents, 2u);
  EXPECT_EQ(usage(kVolume).bytes, 20u);

  Changes moved;
  moved.extents[{kFile, 10}] = extent(kOtherVolume, 0, 7);
  must_apply(moved);
  EXPECT_EQ(usage(kVolume).bytes, 10u);
  EXPECT_EQ(usage(kOtherVolume).bytes, 7u);

  Changes gone;
  gone.extents[{kFile, 0}] = std::nullopt;
  gone.extents[{kFile, 10}] = std::nullopt;
  must_apply(gone);
  EXPECT_EQ(usage(kVolume).extents, 0u);
  EXPECT_EQ(usage(kOtherVolume).extents, 0u);
}

TEST_F(IndexApply, UsageIsKeptForAVolumeWhoseRowComesLater) {
  Changes early, late;
  early.extents[{kFile, 0}] = extent(kVolume, 0, 10);
  must_apply(early);
  late.volumes[kVolume] = kOpenVolume;
  must_apply(late);
  EXPECT_EQ(usage(kVolume).bytes, 10u);
}

TEST_F(IndexApply, OrphansAreTheInodesWithoutLinks) {
  Changes batch;
  for (std::uint64_t id = 1; id <= 5; ++id) batch.inodes[InodeId(id)] = file();
  for (const std::uint64_t id : {1, 3, 5}) batch.inodes[InodeId(id)]->links = 0;
  must_apply(batch);
  IndexReader view = reader();
  EXPECT_EQ(*view.orphans(InodeId(0), 10), (std::vector{InodeId(1), InodeId(3), InodeId(5)}));
  EXPECT_EQ(*view.orphans(InodeId(1), 1), (std::vector{InodeId(3)}));

  Changes next;
  next.inodes[InodeId(1)] = std::nullopt;
  next.inodes[InodeId(3)] = file();  // linked again
  must_apply(next);
  EXPECT_EQ(*view.orphans(InodeId(0), 10), (std::vector{InodeId(5)}));
}

using IndexNames = IndexTest;

TEST_F(IndexNames, AreListedByPositionFromBehindAnyOne) {
  Changes batch;
  batch.names[{kDirectory, "z"}] = NameRow{InodeId(1), 1, 8};
  batch.names[{kDirectory, "m"}] = NameRow{InodeId(2), 5, 8};
  batch.names[{kDirectory, "a"}] = NameRow{InodeId(3), 9, 4};
  batch.names[{InodeId(11), "other"}] = NameRow{InodeId(4), 2, 8};
  must_apply(batch);
  EXPECT_EQ(listing(kDirectory), (std::vector<std::string>{"z", "m", "a"}));
  IndexReader view = reader();
  const auto rest = view.names(kDirectory, 1, 1);
  ASSERT_EQ(rest->size(), 1u);
  EXPECT_EQ(rest->at(0).name, "m");
  EXPECT_EQ(rest->at(0).row, (NameRow{InodeId(2), 5, 8}));
  EXPECT_EQ(view.names(kDirectory, 6, 10)->size(), 1u);
  EXPECT_TRUE(view.names(kDirectory, 9, 10)->empty());
  EXPECT_TRUE(view.names(kDirectory, UINT64_MAX, 10)->empty());
}

TEST_F(IndexNames, AreBytesAndNotText) {
  Changes batch;
  std::uint64_t next = 0;
  for (const char* name : {"\xFF\xFE", "\xC3", "A", "a", "a ", "\x01"}) {
    batch.names[{kDirectory, name}] = NameRow{InodeId(++next), next, 8};
  }
  must_apply(batch);
  IndexReader view = reader();
  for (const auto& [key, row] : batch.names) EXPECT_EQ(*view.name(kDirectory, key.name), row);
  EXPECT_EQ(*view.name(kDirectory, "\xFF"), std::nullopt);
}

TEST_F(IndexNames, ARemovedNameLeavesItsListing) {
  Changes batch;
  batch.names[{kDirectory, "a"}] = NameRow{InodeId(1), 1, 8};
  batch.names[{kDirectory, "b"}] = NameRow{InodeId(2), 2, 8};
  must_apply(batch);
  Changes next;
  next.names[{kDirectory, "a"}] = std::nullopt;
  must_apply(next);
  EXPECT_EQ(listing(kDirectory), (std::vector<std::string>{"b"}));
}

using IndexExtents = IndexTest;

TEST_F(IndexExtents, AreThoseThatOverlapTheRange) {
  Changes batch;
  for (const std::uint64_t offset : {0, 100, 300})
    batch.extents[{kFile, offset}] = extent(kVolume, offset, 100);
  batch.extents[{InodeId(21), 0}] = extent(kVolume, 900, 100);
  must_apply(batch);
  IndexReader view = reader();
  const auto offsets = [&view](std::uint64_t begin, std::uint64_t end, std::size_t limit = 100) {
    std::vector<std::uint64_t> found;
    const auto extents = view.extents(kFile, begin, end, limit);
    for (const Extent& each : *extents) found.push_back(each.offset);
    return found;
  };
  using Offsets = std::vector<std::uint64_t>;
  EXPECT_EQ(offsets(0, UINT64_MAX), (Offsets{0, 100, 300}));
  EXPECT_EQ(offsets(50, 60), (Offsets{0}));
  EXPECT_EQ(offsets(99, 101), (Offsets{0, 100}));
  EXPECT_EQ(offsets(100, 200), (Offsets{100}));
  EXPECT_EQ(offsets(200, 300), Offsets{}) << "a hole";
  EXPECT_EQ(offsets(250, 301), (Offsets{300}));
  EXPECT_EQ(offsets(399, 400), (Offsets{300}));
  EXPECT_EQ(offsets(400, 500), Offsets{});
  EXPECT_EQ(offsets(0, 500, 2), (Offsets{0, 100}));
  EXPECT_EQ(offsets(200, 500, 1), (Offsets{300})) << "a row before the range does not count";
  EXPECT_EQ(offsets(60, 60), Offsets{});
}

TEST_F(IndexExtents, OfAVolumeComeInTheOrderOfItsNeedles) {
  Changes batch;
  batch.extents[{InodeId(3), 0}] = extent(kVolume, 50, 1);
  batch.extents[{InodeId(1), 7}] = extent(kVolume, 90, 1);
  batch.extents[{InodeId(2), 0}] = extent(kVolume, 10, 1);
  batch.extents[{InodeId(1), 3}] = extent(kVolume, 50, 1);  // a clone of the first
  batch.extents[{InodeId(4), 0}] = extent(kOtherVolume, 20, 1);
  must_apply(batch);
  IndexReader view = reader();
  const auto all = view.extents_in_volume(kVolume, 0, 100);
  ASSERT_EQ(all->size(), 4u);
  EXPECT_EQ(all->at(0).first, InodeId(2));
  EXPECT_EQ(all->at(1).first, InodeId(1));
  EXPECT_EQ(all->at(1).second, (Extent{3, *batch.extents[{InodeId(1), 3}]}));
  EXPECT_EQ(all->at(2).first, InodeId(3));
  EXPECT_EQ(view.extents_in_volume(kVolume, 50, 100)->size(), 3u);
  EXPECT_EQ(view.extents_in_volume(kVolume, 51, 100)->size(), 1u);
  EXPECT_EQ(view.extents_in_volume(kVolume, 0, 2)->size(), 2u);
}

}  // namespace
}  // namespace ciaos::meta
