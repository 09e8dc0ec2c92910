// Readers outside of the engine: what they were shown stays where it is until their leases are over (invariant 3), and what they
// remember is called untrue by the marks before a change returns.
#include "engine/leases.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <array>
#include <cstring>
#include <filesystem>

#include "engine/change_marks.h"
#include "engine/objects.h"
#include "store/needle.h"
#include "support/directory_store.h"
#include "support/engine_fixture.h"
#include "support/object_shell.h"
#include "support/random.h"
#include "support/shell.h"

namespace ciaos::test {
namespace {

using engine::ChangeMarks;
using engine::kLeaseMs;
using engine::LeasedPiece;
using engine::Leases;

std::string contents_of(std::uint64_t file, std::size_t bytes) { return Random(file).bytes(bytes); }

class Leasing : public DirectoryStoreTest {
 protected:
  Shell shell() { return Shell(*engine_); }
  // Files that fill some volumes, durable.
  void fill(std::uint64_t files) {
    for (std::uint64_t file = 0; file < files; ++file)
      ASSERT_EQ(shell().put(path_of(file), contents_of(file, 300'000)), 0);
    ASSERT_TRUE(engine_->commit().ok());
  }
  static std::string path_of(std::uint64_t file) { return "/" + std::to_string(file); }
  Result<std::vector<LeasedPiece>> lease(const Leases::Holder& holder, const std::string& path) {
    return engine_->lease(holder, shell().inode(path), 0, 1u << 30, 64);
  }
  bool is_there(VolumeId volume) { return std::filesystem::exists(volume_path(volume)); }
  // Everything goes, and with it all there is in the volumes.
  void remove_all(std::uint64_t files) {
    for (std::uint64_t file = 0; file < files; ++file) ASSERT_EQ(shell().rm(path_of(file)), 0);
    compact();
  }
  void compact() {
    ASSERT_TRUE(engine_->commit().ok());
    ASSERT_TRUE(engine_->settle().ok());
    // What gives volumes back is done when something is applied.
    ASSERT_EQ(shell().put("/next", "x"), 0);
    for (bool more = true; more;) more = engine_->compact(/*pressed=*/false).value();
  }
  static std::string bytes_at(int volume, const LeasedPiece& piece) {
    std::string bytes(piece.length, '\0');
    const std::uint64_t at = store::payload_position(piece.needle.at.offset, piece.needle.payload_bytes);
    EXPECT_EQ(::pread(volume, bytes.data(), bytes.size(), static_cast<off_t>(at + piece.payload_offset)),
              static_cast<ssize_t>(bytes.size()));
    return bytes;
  }
};

TEST_F(Leasing, PiecesSayWhereTheBytesLieInADescriptorThatOnlyReads) {
  fill(1);
  const Leases::Holder holder(engine_->leases());
  const auto pieces = lease(holder, "/0").value();
  ASSERT_EQ(pieces.size(), 1u);
  const UniqueFd volume = engine_->volume_descriptor(holder, pieces[0].needle.at.volume).value();
  EXPECT_EQ(bytes_at(volume.get(), pieces[0]), contents_of(0, 300'000));
  EXPECT_EQ(::write(volume.get(), "x", 1), -1);
  EXPECT_EQ(::fcntl(volume.get(), F_GETFL) & O_ACCMODE, O_RDONLY);
}

TEST_F(Leasing, AVolumeStaysUntilItsLeaseEnds) {
  fill(120);
  VolumeId volume;
  {
    const Leases::Holder holder(engine_->leases());
    const auto pieces = lease(holder, "/60").value();
    volume = pieces[0].needle.at.volume;
    const UniqueFd descriptor = engine_->volume_descriptor(holder, volume).value();
    remove_all(120);
    EXPECT_TRUE(is_there(volume)) << "invariant 3";
    EXPECT_EQ(bytes_at(descriptor.get(), pieces[0]), contents_of(60, 300'000)) << "nor is it punched";
    EXPECT_GT(engine_->statistics().volumes_freed, 0u) << "others are not held back";
  }
  compact();
  EXPECT_FALSE(is_there(volume));
}

TEST_F(Leasing, WhoNeverEndsHoldsNothingBackForEver) {
  fill(120);
  const Leases::Holder holder(engine_->leases());
  const VolumeId volume = lease(holder, "/60").value()[0].needle.at.volume;
  remove_all(120);
  ASSERT_TRUE(is_there(volume));
  clock_.advance_ms(kLeaseMs - 1);
  // Taken anew by who has no business there: it does not count for what was dead before.
  ASSERT_TRUE(engine_->leases().take(holder, std::array{volume}).ok());
  compact();
  EXPECT_TRUE(is_there(volume));
  clock_.advance_ms(1);
  compact();
  EXPECT_TRUE(engine_->leases().is_held(volume));
  EXPECT_FALSE(is_there(volume));
}

TEST_F(Leasing, DeadPayloadsArePunchedWhenTheLeaseIsOver) {
  fill(60);
  const Leases::Holder holder(engine_->leases());
  const auto pieces = lease(holder, "/1").value();
  const VolumeId volume = pieces[0].needle.at.volume;
  const UniqueFd descriptor = engine_->volume_descriptor(holder, volume).value();
  for (std::uint64_t file = 1; file < 60; file += 3) ASSERT_EQ(shell().rm(path_of(file)), 0);
  compact();
  EXPECT_EQ(bytes_at(descriptor.get(), pieces[0]), contents_of(1, 300'000));
  EXPECT_GT(engine_->statistics().compaction.punched_bytes, 0u) << "other volumes are punched";
  clock_.advance_ms(kLeaseMs);
  compact();
  EXPECT_NE(bytes_at(descriptor.get(), pieces[0]), contents_of(1, 300'000));
  EXPECT_EQ(shell().cat("/0"), contents_of(0, 300'000));
}

TEST_F(Leasing, AVolumeThatWentBeforeItCouldBePunchedHoldsNobodyUp) {
  fill(120);
  const Leases::Holder holder(engine_->leases());
  const VolumeId volume = lease(holder, "/61").value()[0].needle.at.volume;
  for (std::uint64_t file = 1; file < 120; file += 3) ASSERT_EQ(shell().rm(path_of(file)), 0);
  compact();  // finds what is to be punched when the lease is over
  for (std::uint64_t file = 0; file < 120; ++file) {
    if (file % 3 != 1) ASSERT_EQ(shell().rm(path_of(file)), 0);
  }
  ASSERT_TRUE(engine_->commit().ok());
  ASSERT_TRUE(engine_->snapshot().ok());
  for (const char* path : {"/next", "/and-next"}) {
    ASSERT_EQ(shell().put(path, "x"), 0);
    ASSERT_TRUE(engine_->commit().ok());
    ASSERT_TRUE(engine_->settle().ok());
    clock_.advance_ms(kLeaseMs);
  }
  ASSERT_FALSE(is_there(volume));
  const auto stepped = engine_->compact(/*pressed=*/false);
  EXPECT_TRUE(stepped.ok()) << to_string(stepped.error());
}

TEST_F(Leasing, WhatIsInMemoryOnlyIsNotLeased) {
  const Leases::Holder holder(engine_->leases());
  ASSERT_EQ(shell().put("/f", "buffered"), 0);
  EXPECT_EQ(lease(holder, "/f").code(), ENOTSUP);
  ASSERT_TRUE(engine_->commit().ok());
  EXPECT_EQ(lease(holder, "/f").value().size(), 1u);
  ASSERT_EQ(shell().truncate("/hole", 0), ENOENT);
  ASSERT_EQ(shell().put("/hole", ""), 0);
  ASSERT_EQ(shell().truncate("/hole", 100'000), 0);
  EXPECT_EQ(lease(holder, "/hole").value().size(), 0u) << "zeros lie nowhere";
}

TEST_F(Leasing, ADescriptorNeedsALease) {
  fill(1);
  const Leases::Holder holder(engine_->leases());
  const VolumeId volume = lease(holder, "/0").value()[0].needle.at.volume;
  const Leases::Holder other(engine_->leases());
  EXPECT_EQ(engine_->volume_descriptor(other, volume).code(), EACCES);
  EXPECT_TRUE(engine_->volume_descriptor(holder, volume).ok());
  clock_.advance_ms(kLeaseMs);
  EXPECT_EQ(engine_->volume_descriptor(holder, volume).code(), EACCES) << "it is over";
}

class LeasingRaw : public EngineTest {};

TEST_F(LeasingRaw, ARawDeviceIsShownToNobody) {
  ASSERT_EQ(shell().put("/f", "bytes"), 0);
  ASSERT_TRUE(store->commit().ok());
  const Leases::Holder holder(store->leases());
  EXPECT_EQ(store->lease(holder, shell().inode("/f"), 0, 5, 64).code(), ENOTSUP);
}

TEST(LeasesOfOneHolder, AreBoundedInNumber) {
  ManualClock clock;
  Leases leases(clock);
  const Leases::Holder greedy(leases);
  const Leases::Holder other(leases);
  for (std::uint32_t i = 0; i < engine::kLeasedVolumesMax; ++i)
    ASSERT_TRUE(leases.take(greedy, std::array{VolumeId(i)}).ok());
  EXPECT_EQ(leases.take(greedy, std::array{VolumeId(1u << 20)}).code(), EMFILE);
  EXPECT_FALSE(leases.is_held(VolumeId(1u << 20)));
  EXPECT_TRUE(leases.take(greedy, std::array{VolumeId(7)}).ok()) << "one of his own";
  EXPECT_TRUE(leases.take(other, std::array{VolumeId(1u << 20)}).ok());
  clock.advance_ms(kLeaseMs);
  EXPECT_TRUE(leases.take(greedy, std::array{VolumeId(1u << 20)}).ok()) << "what is over does not count";
}

// --- marks ---

class Marks : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    ASSERT_EQ(store->objects().create_bucket("b", {}, {}).code(), 0);
    ASSERT_EQ(objects().put("b/d/k", "bytes"), 0);
    inode = shell().inode("/b/d/k");
  }
  ObjectShell objects() { return ObjectShell(store.engine()); }
  // Whether `change` is seen by who remembers b/d/k.
  template <typename Change>
  bool seen(Change change) {
    const std::uint64_t stamp = store->marks().stamp();
    change();
    const ChangeMarks& marks = store->marks();
    return !marks.is_unchanged(ChangeMarks::mark_of("b"), stamp) ||
           !marks.is_unchanged(ChangeMarks::mark_of("d"), stamp) ||
           !marks.is_unchanged(ChangeMarks::mark_of("k"), stamp) ||
           !marks.is_unchanged(ChangeMarks::mark_of(inode), stamp);
  }
  InodeId inode;
};

TEST_F(Marks, WhateverChangesAnObjectIsSeen) {
  EXPECT_TRUE(seen([&] { ASSERT_EQ(shell().write_at("/b/d/k", 1, "X"), 0); })) << "buffered";
  EXPECT_TRUE(seen([&] { ASSERT_TRUE(store->commit().ok()); })) << "bytes went to a volume";
  EXPECT_TRUE(seen([&] { ASSERT_EQ(shell().truncate("/b/d/k", 2), 0); }));
  EXPECT_TRUE(seen([&] { ASSERT_TRUE(store->objects().set_labels({"b", "d/k"}, {{"a", "1"}}).ok()); }));
  EXPECT_TRUE(seen([&] { ASSERT_EQ(shell().mv("/b/d", "/b/e"), 0); })) << "a folder on the way";
  EXPECT_TRUE(seen([&] { ASSERT_EQ(shell().mv("/b/e", "/b/d"), 0); }));
  EXPECT_TRUE(seen([&] { ASSERT_EQ(objects().put("b/d/k", "others"), 0); }));
  inode = shell().inode("/b/d/k");
  EXPECT_TRUE(seen([&] { ASSERT_EQ(shell().rm("/b/d/k"), 0); }));
}

TEST_F(Marks, WhatIsOnlyReadOrLiesElsewhereIsNot) {
  ASSERT_TRUE(store->commit().ok());
  EXPECT_FALSE(seen([&] { EXPECT_EQ(objects().get("b/d/k"), "bytes"); }));
  EXPECT_FALSE(seen([&] { ASSERT_EQ(objects().put("b/d/other", "x"), 0); }));
}

TEST_F(Marks, WhoeverIsGivenThemCanNeitherChangeNorShortenThem) {
  const int fd = store->marks().descriptor();
  if (fd < 0) GTEST_SKIP() << "the kernel seals no memory";
  constexpr std::size_t kBytes = ChangeMarks::kMarks * sizeof(std::uint64_t);
  EXPECT_EQ(::ftruncate(fd, 0), -1);
  EXPECT_EQ(::pwrite(fd, "x", 1, 0), -1);
  EXPECT_EQ(::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
  void* at = ::mmap(nullptr, kBytes, PROT_READ, MAP_SHARED, fd, 0);
  ASSERT_NE(at, MAP_FAILED);
  std::uint64_t mark = 0;
  ASSERT_EQ(objects().put("b/d/k", "others"), 0);
  std::memcpy(&mark, static_cast<const char*>(at) + ChangeMarks::mark_of("k") * sizeof mark, sizeof mark);
  EXPECT_GT(mark, 0u);
  ::munmap(at, kBytes);
}

}  // namespace
}  // namespace ciaos::test
