// Wrong bytes on the device: an error where they are, never wrong data, and nothing else is touched (invariant 4).
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "store/format.h"
#include "store/memory_device.h"
#include "support/engine_fixture.h"
#include "support/random.h"

namespace ciaos::test {
namespace {

constexpr StoreShape kShape{.volumes = 10};

class Damage : public EngineTest {
 protected:
  Damage() : EngineTest(kShape) {}

  // Where on the device these bytes lie, all copies of them.
  std::vector<std::uint64_t> find(std::string_view needle) {
    const ByteVector bytes = store.device_bytes();
    const std::string_view all = as_text(bytes);
    std::vector<std::uint64_t> found;
    for (std::size_t at = all.find(needle); at != std::string_view::npos; at = all.find(needle, at + 1)) {
      found.push_back(at);
    }
    return found;
  }
  void overwrite(std::uint64_t offset, std::string_view bytes) {
    const std::uint64_t begin = align_down(offset, store::kBlockBytes);
    const std::uint64_t end = align_up(offset + bytes.size(), store::kBlockBytes);
    store::IoBuffer blocks(end - begin);
    ASSERT_TRUE(store.device().read(begin, blocks.span()).ok());
    std::copy(as_bytes(bytes).begin(), as_bytes(bytes).end(), blocks.data() + (offset - begin));
    ASSERT_TRUE(store.device().write(begin, blocks.span()).ok());
  }
  void flip(std::uint64_t offset, unsigned bit) {
    store::IoBuffer block(store::kBlockBytes);
    const std::uint64_t begin = align_down(offset, store::kBlockBytes);
    ASSERT_TRUE(store.device().read(begin, block.span()).ok());
    block.data()[offset - begin] ^= std::byte{1} << bit;
    ASSERT_TRUE(store.device().write(begin, block.span()).ok());
  }
  int read_code(std::string_view path, std::uint64_t offset, std::size_t bytes) {
    ByteVector into(bytes);
    return store->read(shell().inode(path), offset, into).code();
  }
};

TEST_F(Damage, ADamagedPieceIsEucleanAndTheRestOfTheFileIsRead) {
  const std::string contents = Random(1).bytes(100'000);
  ASSERT_EQ(shell().put("/a", contents), 0);
  ASSERT_EQ(shell().put("/b", "fine"), 0);
  store.reopen();
  const auto places = find(std::string_view(contents).substr(50'000, 64));
  ASSERT_EQ(places.size(), 1u);
  flip(places[0], 3);
  store->drop_caches();
  EXPECT_EQ(read_code("/a", 0, 8192), 0);
  EXPECT_EQ(read_code("/a", 60'000, 40'000), 0);
  EXPECT_EQ(read_code("/a", 50'000, 1), EUCLEAN);
  EXPECT_EQ(read_code("/a", 0, 100'000), EUCLEAN);
  EXPECT_EQ(shell().cat("/b"), "fine");
  EXPECT_GT(store->statistics().reader.damaged, 0u);
  // The file is damaged, not the store: it can be written again.
  EXPECT_EQ(shell().put("/a", "new"), 0);
  EXPECT_EQ(shell().cat("/a"), "new");
}

TEST_F(Damage, ADeviceThatRefusesAReadIsEio) {
  ASSERT_EQ(shell().put("/a", pattern(5000)), 0);
  store.reopen();
  const InodeId file = shell().inode("/a");
  store->drop_caches();
  store.device().set_hooks(
      {.before_read = [](std::uint64_t, std::uint64_t) { return Status(fail(EIO, "injected")); }});
  ByteVector into(5000);
  EXPECT_EQ(store->read(file, 0, into).code(), EIO);
  store.device().set_hooks({});
  EXPECT_EQ(shell().cat("/a"), pattern(5000));
}

// Everything about a misdirected write is right, except where it is.
TEST_F(Damage, ANeedleAtAnothersPlaceIsNotTakenForIt) {
  const std::string a = Random(1).bytes(3000);
  const std::string b = Random(2).bytes(3000);
  ASSERT_EQ(shell().put("/a", a), 0);
  ASSERT_EQ(shell().put("/b", b), 0);
  store.reopen();
  const auto places_a = find(a);
  const auto places_b = find(b);
  ASSERT_EQ(places_a.size(), 1u);
  ASSERT_EQ(places_b.size(), 1u);
  const std::uint64_t header = store::needle_header_bytes(3000);
  const ByteVector bytes = store.device_bytes();
  overwrite(places_b[0] - header, as_text(bytes).substr(places_a[0] - header, header + 3000));
  store->drop_caches();
  EXPECT_EQ(read_code("/b", 0, 3000), EUCLEAN);
  EXPECT_EQ(shell().cat("/a"), a);
}

TEST_F(Damage, DamagedContentsOfAProvenBatchAreNoEndOfTheLog) {
  const std::string contents = Random(1).bytes(3000);
  ASSERT_EQ(shell().put("/a", contents), 0);
  ASSERT_EQ(store->commit().code(), 0);
  ASSERT_EQ(shell().put("/b", "later"), 0);
  ASSERT_EQ(store->commit().code(), 0);
  store.reopen();
  flip(find(contents)[0], 0);
  store.kill();
  store.put_index({});
  store.open();
  EXPECT_EQ(shell().cat("/b"), "later");
  EXPECT_EQ(read_code("/a", 0, 3000), EUCLEAN);
}

// The middle of the log is gone, and what comes behind shows that it was not the end.
TEST_F(Damage, ADamagedBatchInTheMiddleOfTheLogStopsTheMount) {
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(shell().put("/name-of-" + std::to_string(i), "x"), 0);
    ASSERT_EQ(store->commit().code(), 0);
  }
  store.kill();
  const auto names = find("name-of-5");
  ASSERT_FALSE(names.empty());
  for (const std::uint64_t place : names) flip(place, 5);
  store.put_index({});
  const Status opened = store.try_open();
  EXPECT_EQ(opened.code(), EUCLEAN);
  EXPECT_NE(to_string(opened.error()).find("damaged"), std::string::npos) << to_string(opened.error());
}

TEST_F(Damage, AReadErrorInTheLogIsNoEndOfIt) {
  ASSERT_EQ(shell().put("/name-of-a", "x"), 0);
  ASSERT_EQ(store->commit().code(), 0);
  ASSERT_EQ(shell().put("/name-of-b", "x"), 0);
  ASSERT_EQ(store->commit().code(), 0);
  store.kill();
  const std::uint64_t place = find("name-of-b").front();
  store.put_index({});
  store.device().set_hooks({.before_read = [place](std::uint64_t offset, std::uint64_t bytes) {
    return offset <= place && place < offset + bytes ? Status(fail(EIO, "injected")) : Status{};
  }});
  EXPECT_EQ(store.try_open().code(), EIO);
  store.device().set_hooks({});
  store.open();
  EXPECT_TRUE(shell().exists("/name-of-b"));
}

// One flipped bit in each part of a small store, with its index and without: the store does not open, or every file
// that it shows gives the right bytes or an error.
class FlippedBit : public Damage {
 protected:
  void SetUp() override {
    Damage::SetUp();
    ASSERT_EQ(shell().mkdir("/d"), 0);
    for (int i = 0; i < 8; ++i) {
      const std::string path = (i % 2 == 0 ? "/d/" : "/") + std::to_string(i);
      files[path] = Random(i).bytes(i == 7 ? 9000 : 100 + 300 * i);
      ASSERT_EQ(shell().put(path, files[path]), 0);
      if (i % 3 == 0) {
        ASSERT_EQ(store->commit().code(), 0);
      }
      if (i == 4) {
        ASSERT_EQ(store->snapshot().code(), 0);
      }
    }
    // The last batches hold nothing, so that forgetting a damaged one as torn forgets nothing.
    store.reopen();
    store.reopen();
    ASSERT_TRUE(store.close().ok());
    index = store.copy_index();
    const ByteVector image = store.device_bytes();
    for (std::uint64_t at = 0; at < image.size(); at += store::kBlockBytes) {
      const auto begin = image.begin() + static_cast<std::ptrdiff_t>(at);
      ByteVector block(begin, begin + store::kBlockBytes);
      if (as_text(block).find_first_not_of('\0') != std::string_view::npos) blocks[at] = std::move(block);
    }
  }
  std::shared_ptr<store::MemoryDevice> disk_with_flip(std::uint64_t damaged, std::size_t byte, unsigned bit) {
    auto disk = std::make_shared<store::MemoryDevice>(kShape.device_bytes());
    for (const auto& [at, block] : blocks) {
      ByteVector bytes = block;
      if (at == damaged) bytes[byte] ^= std::byte{1} << bit;
      EXPECT_TRUE(disk->write(at, bytes).ok());
    }
    return disk;
  }
  // How many files could not be read.
  int check_files(Shell there) {
    int errors = 0;
    for (const auto& [path, contents] : files) {
      const auto bytes = there.read(path);
      if (bytes.ok()) {
        EXPECT_TRUE(*bytes == contents) << path;
        continue;
      }
      EXPECT_EQ(bytes.code(), EUCLEAN) << path << ": " << to_string(bytes.error());
      ++errors;
    }
    return errors;
  }

  std::map<std::string, std::string> files;
  std::map<std::uint64_t, ByteVector> blocks;  // of the device, those that are not all zeros
  IndexCopy index;
};

TEST_F(FlippedBit, AnywhereNeverGivesWrongData) {
  Random dice(1);
  int opened = 0;
  int refused = 0;
  int errors = 0;
  constexpr std::size_t kStride = 97;
  for (const auto& [at, block] : blocks) {
    for (std::size_t byte = dice.below(kStride); byte < block.size(); byte += kStride) {
      if (block[byte] == std::byte{0} && dice.chance(90)) continue;  // mostly padding
      SCOPED_TRACE("block " + std::to_string(at) + " byte " + std::to_string(byte));
      TestStore damaged(disk_with_flip(at, byte, static_cast<unsigned>(dice.below(8))), store.clock);
      damaged.put_index(dice.chance(50) ? index : IndexCopy{});
      if (!damaged.try_open().ok()) {
        ++refused;
        continue;
      }
      ++opened;
      errors += check_files(Shell(damaged.engine()));
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(opened, 0);
  EXPECT_GT(refused, 0);
  EXPECT_GT(errors, 0);
}

}  // namespace
}  // namespace ciaos::test
