// One flipped bit anywhere in a small store, with its index and without: the store does not open, or every file in it gives
// the right bytes or an error (invariant 4).
//
// The store has one of everything: two superblocks, data and txn needles, a snapshot, a log that goes on in another volume.
// A part of the bits usually; CIAOS_ALL_BITS=1 flips every bit of every block that holds anything, which wants a build without
// sanitizers (doc/testing.md). Of needles that are all alike the first is flipped whole.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "engine/damaged_store.h"
#include "store/format.h"
#include "store/memory_device.h"
#include "support/random.h"

namespace ciaos::test {
namespace {

constexpr std::uint64_t kParts = 4;
constexpr std::uint64_t kBlockBits = 8 * store::kBlockBytes;
constexpr std::size_t kZeros = 1'000'000;
// With the index a bit of the log is hardly ever looked at; every so many bits will do.
constexpr std::uint64_t kWithIndexEvery = 8;

class FlippedBit : public EngineTest, public testing::WithParamInterface<std::uint64_t> {
 protected:
  FlippedBit() : EngineTest(kDamagedShape) {}

  void SetUp() override {
    EngineTest::SetUp();
    add("/small", 90);
    ASSERT_EQ(shell().mkdir("/d"), 0);
    ASSERT_EQ(store->commit().code(), 0);
    add("/d/pieces", 5000);
    ASSERT_EQ(store->snapshot().code(), 0);
    // Fills the rest of the volume, and leaves few blocks to be looked at.
    files_["/zeros"] = std::string(kZeros, '\0');
    ASSERT_EQ(shell().put("/zeros", files_["/zeros"]), 0);
    add("/behind-the-snapshot", 200);
    ASSERT_EQ(shell().symlink("small", "/link"), 0);
    // The last batches hold nothing, so that forgetting a damaged one as torn forgets nothing.
    store.reopen();
    store.reopen();
    ASSERT_TRUE(store.close().ok());
    index_ = store.copy_index();
    const ByteVector image = store.device_bytes();
    for (std::uint64_t at = 0; at < image.size(); at += store::kBlockBytes) {
      const auto begin = image.begin() + static_cast<std::ptrdiff_t>(at);
      ByteVector block(begin, begin + store::kBlockBytes);
      if (as_text(block).find_first_not_of('\0') != std::string_view::npos) blocks_[at] = std::move(block);
    }
    const std::uint64_t second_volume = store::kSlotsBegin + kDamagedShape.volume_bytes;
    ASSERT_TRUE(std::ranges::any_of(blocks_, [&](const auto& block) {
      return block.first >= second_volume && block.first < second_volume + kDamagedShape.volume_bytes;
    }));
  }
  void add(const std::string& path, std::size_t bytes) {
    files_[path] = Random(files_.size() + 1).bytes(bytes);
    ASSERT_EQ(shell().put(path, files_[path]), 0);
  }

  // One of those of /zeros, but for the first: nothing else is long enough to begin a block.
  bool is_one_of_many(std::uint64_t at) {
    const auto begins_long_needle = [](const ByteVector& block) {
      return load_le<std::uint32_t>(block.data()) == store::kNeedleMagic &&
             load_le<std::uint32_t>(block.data() + store::NeedleLayout::payload_bytes) >=
                 store::kAlignedPayloadBytes;
    };
    const auto first =
        std::ranges::find_if(blocks_, [&](const auto& block) { return begins_long_needle(block.second); });
    return first != blocks_.end() && at != first->first && begins_long_needle(blocks_[at]);
  }

  void flip(std::uint64_t block, std::uint64_t bit, bool with_index) {
    auto disk = std::make_shared<store::MemoryDevice>(kDamagedShape.device_bytes());
    for (const auto& [at, bytes] : blocks_) {
      if (at != block) {
        ASSERT_TRUE(disk->write(at, bytes).ok());
        continue;
      }
      ByteVector flipped = bytes;
      flipped[bit / 8] ^= std::byte{1} << bit % 8;
      ASSERT_TRUE(disk->write(at, flipped).ok());
    }
    TestStore damaged(std::move(disk), store.clock);
    damaged.put_index(with_index ? index_ : IndexCopy{});
    ++cases_;
    if (!damaged.try_open().ok()) {
      ++refused_;
      return;
    }
    Shell there(damaged.engine());
    for (const auto& [path, contents] : files_) {
      const auto bytes = there.read(path);
      if (bytes.ok()) {
        ASSERT_TRUE(*bytes == contents) << path;
      } else {
        ASSERT_EQ(bytes.code(), EUCLEAN) << path << ": " << to_string(bytes.error());
        ++errors_;
      }
    }
    ASSERT_EQ(there.stat("/link")->size, 5u);
  }

  std::map<std::string, std::string> files_;
  std::map<std::uint64_t, ByteVector> blocks_;  // of the device, those that are not all zeros
  IndexCopy index_;
  std::uint64_t cases_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t errors_ = 0;
};

TEST_P(FlippedBit, AnywhereNeverGivesWrongData) {
  const bool all = std::getenv("CIAOS_ALL_BITS") != nullptr;
  Random dice(GetParam() + 1);
  std::uint64_t number = 0;
  for (const auto& [block, bytes] : blocks_) {
    const bool some = !all || is_one_of_many(block);
    for (std::uint64_t bit = 0; bit < kBlockBits; ++bit, ++number) {
      if (number % kParts != GetParam()) continue;
      // Padding is most of a block, and all the same.
      const bool is_padding = bytes[bit / 8] == std::byte{0};
      if (some && dice.below(is_padding ? 20000 : 400) != 0) continue;
      SCOPED_TRACE("block " + std::to_string(block) + " bit " + std::to_string(bit));
      ASSERT_NO_FATAL_FAILURE(flip(block, bit, /*with_index=*/false));
      const bool with_index = !all || dice.below(kWithIndexEvery) == 0;
      if (with_index) {
        ASSERT_NO_FATAL_FAILURE(flip(block, bit, true));
      }
    }
  }
  EXPECT_GT(cases_, refused_);
  EXPECT_GT(refused_, 0u);
  EXPECT_GT(errors_, 0u);
  const auto alike =
      std::ranges::count_if(blocks_, [&](const auto& block) { return is_one_of_many(block.first); });
  std::printf(
      "%zu blocks, %zu of them alike, %lu stores: %lu refused, %lu files unreadable, the rest as it was\n",
      blocks_.size(), static_cast<std::size_t>(alike), cases_, refused_, errors_);
}

INSTANTIATE_TEST_SUITE_P(Part, FlippedBit, testing::Range(std::uint64_t{0}, kParts));

}  // namespace
}  // namespace ciaos::test
