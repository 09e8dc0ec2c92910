// What those who look after a store are told of it: it must be where it is said to be.
#include "engine/inspection.h"

#include <sys/stat.h>

#include "support/engine_fixture.h"

namespace ciaos::test {
namespace {

using engine::Inspection;
using engine::XattrMode;

class Inspected : public EngineTest {
 protected:
  Inspected() : EngineTest({.volume_bytes = 4u << 20}) {}
  Inspection& inspection() { return store->inspection(); }
  engine::ExtentPlace only_extent(std::string_view path) {
    const auto extents = inspection().extents(shell().inode(path), 0, 10);
    EXPECT_TRUE(extents.ok() && extents->size() == 1) << path;
    return extents->front();
  }
};

TEST_F(Inspected, AFilesBytesLieWhereItsExtentSays) {
  const std::string bytes = pattern(100'000);
  ASSERT_EQ(shell().put("/f", bytes), 0);
  EXPECT_EQ(inspection().buffered_bytes(shell().inode("/f")).value(), bytes.size());
  ASSERT_EQ(shell().fsync("/f"), 0);
  EXPECT_EQ(inspection().buffered_bytes(shell().inode("/f")).value(), 0u);
  const engine::ExtentPlace place = only_extent("/f");
  EXPECT_FALSE(place.reserved);
  const NeedlePlace& needle = place.extent.row.needle;
  const std::uint64_t payload =
      store::payload_position(needle.at.offset, needle.payload_bytes) - needle.at.offset;
  const ByteVector device = store.device_bytes();
  EXPECT_EQ(as_text(ByteSpan(device).subspan(place.device_offset + payload, bytes.size())), bytes);
}

TEST_F(Inspected, ANeedleSaysWhoNamesItAndWhetherItVerifies) {
  ASSERT_EQ(shell().put("/f", pattern(10'000)), 0);
  ASSERT_EQ(shell().fsync("/f"), 0);
  const engine::ExtentPlace place = only_extent("/f");
  const VolumePosition at = place.extent.row.needle.at;
  const auto needle = inspection().needle(at.volume, at.offset);
  ASSERT_TRUE(needle.ok()) << to_string(needle.error());
  EXPECT_EQ(needle->header.kind, store::NeedleKind::data);
  EXPECT_EQ(needle->header.place(), place.extent.row.needle);
  EXPECT_TRUE(needle->payload.ok());
  ASSERT_EQ(needle->named_by.size(), 1u);
  EXPECT_EQ(needle->named_by.front().first, shell().inode("/f"));
  EXPECT_EQ(inspection().needle(at.volume, at.offset + 8).code(), ENODATA);
  EXPECT_EQ(inspection().needle(at.volume, at.offset + 1).code(), EINVAL);
  EXPECT_EQ(inspection().needle(at.volume, 1ull << 40).code(), EINVAL);
}

TEST_F(Inspected, VolumesSayWhatLivesInThem) {
  for (int i = 0; i < 12; ++i) ASSERT_EQ(shell().put("/f" + std::to_string(i), pattern(900'000)), 0);
  ASSERT_TRUE(store->commit().ok());
  ASSERT_TRUE(store->settle().ok());
  std::uint64_t live = 0;
  std::size_t sealed = 0;
  const auto volumes = inspection().volumes();
  ASSERT_TRUE(volumes.ok());
  for (const engine::VolumeInfo& volume : *volumes) {
    live += volume.usage.bytes;
    sealed += volume.usage.row.state == meta::VolumeState::sealed ? 1 : 0;
  }
  EXPECT_EQ(live, 12 * 900'000u);
  ASSERT_GT(sealed, 1u);
  for (int i = 0; i < 6; ++i) ASSERT_EQ(shell().rm("/f" + std::to_string(i)), 0);
  ASSERT_TRUE(store->commit().ok());
  ASSERT_TRUE(store->settle().ok());
  std::uint64_t garbage = 0;
  for (const engine::VolumeInfo& volume : inspection().volumes().value()) garbage += volume.garbage_bytes;
  const std::uint64_t freed = store->statistics().volumes_freed;
  EXPECT_TRUE(garbage > 500'000 || freed > 0) << garbage;
}

TEST_F(Inspected, ADirectoryHasASumOnlyWhereOneIsKept) {
  ASSERT_EQ(shell().mkdir("/plain"), 0);
  ASSERT_EQ(shell().mkdir("/tree"), 0);
  ASSERT_EQ(shell().mkdir("/a"), 0);
  ASSERT_EQ(shell().mkdir("/a/b"), 0);
  for (const char* path : {"/tree", "/a/b"})
    ASSERT_EQ(
        store->setxattr({}, shell().inode(path), "trusted.ciaos.quota.bytes", "1M", XattrMode::any).code(),
        0);
  ASSERT_EQ(shell().put("/tree/f", pattern(10'000)), 0);
  EXPECT_EQ(inspection().usage(shell().inode("/plain")).code(), ENODATA);
  const auto tree = inspection().usage(shell().inode("/tree"));
  EXPECT_EQ(tree->bytes, 10'240u);
  EXPECT_EQ(tree->files, 2u);
  EXPECT_EQ(inspection().usage(shell().inode("/tree/f"))->bytes, 10'240u);
  EXPECT_EQ(inspection().usage(kRootInode)->files, 6u);
  EXPECT_EQ(inspection().tree_of(shell().inode("/tree/f")).value(), shell().inode("/tree"));
  const auto quotas = inspection().quotas();
  ASSERT_TRUE(quotas.ok());
  ASSERT_EQ(quotas->size(), 2u);
  EXPECT_EQ(quotas->front().path, "/tree");
  EXPECT_EQ(quotas->back().path, "/a/b");
  EXPECT_EQ(quotas->front().row.bytes_max, 1u << 20);
}

TEST_F(Inspected, HandlesAreCountedWhoeverOpensThem) {
  ASSERT_EQ(shell().put("/f", "x"), 0);
  EXPECT_EQ(store->statistics().open_files, 0u) << "put() closes what it opens";
  const InodeId inode = shell().inode("/f");
  ASSERT_TRUE(store->open({}, inode, {}).ok());
  EXPECT_EQ(store->statistics().open_files, 1u);
  EXPECT_EQ(store->open({}, kRootInode, {.write = true}).code(), EISDIR);
  EXPECT_EQ(store->statistics().open_files, 1u);
  store->release(inode);
  EXPECT_EQ(store->statistics().open_files, 0u);
}

TEST_F(Inspected, AScrubGoesVolumeByVolumeToItsEnd) {
  for (int i = 0; i < 12; ++i) ASSERT_EQ(shell().put("/f" + std::to_string(i), pattern(900'000)), 0);
  std::size_t steps = 0;
  while (true) {
    const auto more = store->scrub_step();
    ASSERT_TRUE(more.ok()) << to_string(more.error());
    ++steps;
    if (!*more) break;
  }
  EXPECT_GT(steps, 3u);
  EXPECT_EQ(store->statistics().scrub.rounds, 1u);
  EXPECT_GT(store->statistics().scrub.read_bytes, 5'000'000u);
  store->end_long_work();
  EXPECT_EQ(store->scrub_step().code(), ECANCELED);
}

TEST_F(Inspected, PlacesAreInTheOrderOfTheVolumes) {
  ASSERT_EQ(shell().put("/first", pattern(5000)), 0);
  ASSERT_EQ(shell().fsync("/first"), 0);
  ASSERT_EQ(shell().put("/second", pattern(5000)), 0);
  ASSERT_EQ(shell().fsync("/second"), 0);
  ASSERT_EQ(shell().put("/empty", ""), 0);
  const std::array inodes = {shell().inode("/second"), shell().inode("/first"), shell().inode("/empty")};
  const auto places = inspection().places(inodes);
  ASSERT_EQ(places.size(), 3u);
  ASSERT_TRUE(places[0] && places[1]);
  EXPECT_LT(*places[1], *places[0]);
  EXPECT_FALSE(places[2]);
}

}  // namespace
}  // namespace ciaos::test
