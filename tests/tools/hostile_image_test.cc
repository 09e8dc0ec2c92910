// Stores that somebody made to do harm: every checksum is right, and the rows say what no engine would write. fsck and a mount
// refuse, or answer within bounds; they do not crash, hang, or take the memory that a row promises.
//
// CIAOS_SEED=n repeats one, CIAOS_SEEDS=n makes more of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "engine/engine.h"
#include "support/manual_clock.h"
#include "support/random.h"
#include "support/random_changes.h"
#include "support/temporary_directory.h"
#include "tools/broken_store.h"

namespace ciaos::fsck {
namespace {

using test::Random;

template <typename Row>
typename meta::TableChanges<Row>::iterator any(meta::TableChanges<Row>& table, Random& dice) {
  return std::next(table.begin(), static_cast<std::ptrdiff_t>(dice.below(table.size())));
}

// One row less true than before.
void break_a_row(meta::Changes& rows, Random& dice) {
  switch (dice.below(6)) {
    case 0: {
      auto& row = any(rows.inodes, dice)->second;
      const std::uint32_t mode = row->mode;
      const InodeId parent = row->parent;
      row = meta::test::random_inode(dice);
      if (dice.chance(80)) row->mode = mode;
      if (dice.chance(60)) row->parent = parent;
      if (dice.chance(80) && row->links == 0) row->links = 1;
      break;
    }
    case 1: {
      auto& row = any(rows.names, dice)->second;
      // Cycles, second names of directories, names that lead nowhere.
      row->child = dice.chance(80) ? any(rows.inodes, dice)->first : InodeId(1 + dice.below(1u << 20));
      if (dice.chance(30)) row->position = dice.below(40);
      if (dice.chance(30)) row->type = static_cast<std::uint8_t>(dice.below(16));
      break;
    }
    case 2: {
      auto& row = any(rows.extents, dice)->second;
      const meta::ExtentRow old = *row;
      row = meta::test::random_extent(dice).second;
      if (dice.chance(70)) row->needle = old.needle;
      if (row->payload_offset + row->length > row->needle.payload_bytes) {
        row->needle.payload_bytes = UINT32_MAX;
        row->payload_offset = static_cast<std::uint32_t>(dice.below(UINT32_MAX - 10));
        row->length = 1 + dice.below(UINT32_MAX - row->payload_offset);
      }
      break;
    }
    case 3: any(rows.volumes, dice)->second = meta::test::random_volume(dice); break;
    case 4: any(rows.counters, dice)->second->value = dice.chance(50) ? dice.below(100) : dice.next(); break;
    default: {
      auto& row = any(rows.inodes, dice)->second;
      row->size = dice.chance(50) ? INT64_MAX : dice.next() >> 1;
      row->entries = dice.next() >> 1;
      row->next_position = dice.chance(50) ? 0 : INT64_MAX;
      break;
    }
  }
}

// Looks at everything as a user would, up to bounds of its own: a cycle has no end.
class Visitor {
 public:
  explicit Visitor(engine::Engine& engine) : engine_(engine) {}

  void visit(InodeId directory, int depth) {
    std::vector<InodeId> children;
    std::vector<std::string> names;
    const auto take = [&](const engine::DirectoryEntry& entry, const engine::Attributes*) {
      names.emplace_back(entry.name);
      return names.size() < 100;
    };
    (void)engine_.readdir(directory, 0, false, take).ok();
    for (const std::string& name : names) {
      if (++visited_ > 300 || name == "." || name == "..") continue;
      const auto found = engine_.lookup(directory, name);
      if (!found.ok()) continue;
      look_at(found->inode, found->size);
      if (depth < 8) visit(found->inode, depth + 1);
      engine_.forget(found->inode, 1);
    }
  }

 private:
  void look_at(InodeId inode, std::uint64_t size) {
    ByteVector into(64 << 10);
    for (const std::uint64_t offset :
         {std::uint64_t{0}, size / 2, size - std::min<std::uint64_t>(size, 5000)})
      (void)engine_.read(inode, offset, into).ok();
    (void)engine_.readlink(inode).ok();
    (void)engine_.listxattr({}, inode).ok();
    (void)engine_.seek(inode, size / 3, engine::SeekTo::hole).ok();
    (void)engine_.parent_of(inode).ok();
  }

  engine::Engine& engine_;
  int visited_ = 0;
};

class HostileImage : public testing::TestWithParam<std::uint64_t> {
 protected:
  void make(BrokenStore& store, Random& dice) {
    const InodeId folder = store.add_directory(kRootInode, "folder");
    const InodeId below = store.add_directory(folder, "below");
    for (int i = 0; i < 6; ++i) {
      const std::string contents = dice.bytes(1 + dice.below(i == 5 ? 60'000 : 9000));
      store.add_file(i % 2 == 0 ? below : folder, "file" + std::to_string(i), contents);
    }
    store.add_symlink(folder, "link", "below");
    store.commit();
    if (dice.chance(30)) (void)store.write_snapshot();
    for (std::uint64_t broken = 1 + dice.below(5); broken > 0; --broken) break_a_row(store.rows(), dice);
    store.commit();
    if (dice.chance(20)) {
      ByteVector records = meta::encode_changes(meta::test::random_changes(dice, 1 + dice.below(40)));
      if (dice.chance(50)) records[dice.below(records.size())] ^= std::byte{1} << dice.below(8);
      store.commit_records(records);
    }
  }
  // True if it opened.
  bool open(const BrokenStore& store, bool read_only, Random& dice) {
    test::TemporaryDirectory folder;
    std::vector<std::unique_ptr<store::StoreDevice>> devices;
    devices.push_back(store::raw_store_device(store.image()));
    auto volumes = store::VolumeSet::open(std::move(devices));
    if (!volumes.ok()) return false;
    test::ManualClock clock;
    engine::Options options;
    options.read_only = read_only;
    options.background = false;
    options.index_directory = folder.path() + "/index";
    options.scratch_directory = folder.path();
    auto engine = engine::Engine::open(*std::move(volumes), options, clock);
    if (!engine.ok()) return false;
    Visitor(**engine).visit(kRootInode, 0);
    if (!read_only) change(**engine, dice);
    (void)(*engine)->close().ok();
    return true;
  }
  void change(engine::Engine& engine, Random& dice) {
    const std::string bytes = dice.bytes(20'000);
    for (const char* parent : {".", "folder"}) {
      const auto directory = engine.lookup(kRootInode, parent);
      if (!directory.ok()) continue;
      const auto made = engine.create({}, directory->inode, "new", 0644);
      if (made.ok()) (void)engine.write(made->inode, 0, as_bytes(bytes), {}).ok();
      for (int file = 0; file < 6; ++file) {
        const std::string name = "file" + std::to_string(file);
        const auto there = engine.lookup(directory->inode, name);
        if (there.ok()) (void)engine.write(there->inode, there->size / 2, as_bytes(bytes), {}).ok();
        (void)engine.unlink(directory->inode, name).ok();
        if (there.ok()) engine.forget(there->inode, 1);
      }
    }
    (void)engine.commit().ok();
    (void)engine.compact(/*pressed=*/true).ok();
    (void)engine.scrub().ok();
    (void)engine.snapshot().ok();
  }
};

constexpr std::uint64_t kParts = 2;

TEST_P(HostileImage, HarmsNobodyWhoLooksAtItOrChangesIt) {
  const test::SeedRange seeds = test::seeds_to_run(40);
  std::uint64_t opened = 0;
  for (std::uint64_t seed = seeds.begin; seed < seeds.end; ++seed) {
    if (seed % kParts != GetParam()) continue;
    SCOPED_TRACE("CIAOS_SEED=" + std::to_string(seed));
    Random dice(seed);
    BrokenStore store;
    make(store, dice);
    test::TemporaryDirectory scratch;
    CheckOptions options;
    options.scratch_directory = scratch.path();
    options.check_data = true;
    (void)store.check(scratch.path() + "/index", options);
    opened += open(store, /*read_only=*/true, dice) ? 1 : 0;
    opened += open(store, /*read_only=*/false, dice) ? 1 : 0;
  }
  if (seeds.end - seeds.begin > kParts) EXPECT_GT(opened, 0u);
}

INSTANTIATE_TEST_SUITE_P(Part, HostileImage, testing::Range(std::uint64_t{0}, kParts));

}  // namespace
}  // namespace ciaos::fsck
