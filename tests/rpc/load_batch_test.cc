// Entries of a bulk load as they travel.
#include "rpc/load_batch.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace ciaos::rpc {
namespace {

std::vector<engine::LoadEntry> example() {
  engine::LoadEntry file{.path = "a/b",
                         .begins = true,
                         .mode = S_IFREG | 0644,
                         .uid = 1,
                         .gid = 2,
                         .device = 3,
                         .size = 4,
                         .accessed = {-5, 6},
                         .modified = {7, 999'999'999},
                         .xattrs = {{"user.x", std::string("\0\1", 2)}},
                         .pieces = {{8, 9, 10}, {11, 12, 13}}};
  engine::LoadEntry link{.path = "c", .ends = true, .target = "a/b", .hard_link = true};
  return {file, link};
}

TEST(LoadBatch, ComesBackAsItWasPacked) {
  const std::string packed = pack_load(example());
  EXPECT_EQ(*parse_load(as_bytes(packed)), example());
}

TEST(LoadBatch, CutOrChangedBytesAreRefusedOrMeanSomethingElse) {
  const std::string packed = pack_load(example());
  for (std::size_t bytes = 0; bytes < packed.size(); ++bytes)
    EXPECT_FALSE(parse_load(as_bytes(packed.substr(0, bytes))).ok() &&
                 *parse_load(as_bytes(packed.substr(0, bytes))) == example())
        << bytes;
  for (std::size_t bit = 0; bit < 8 * packed.size(); ++bit) {
    std::string changed = packed;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ 1 << bit % 8);
    (void)parse_load(as_bytes(changed)).ok();
  }
}

TEST(LoadBatch, NoTimeBeyondASecondsNanoseconds) {
  std::vector<engine::LoadEntry> entries = example();
  entries[0].modified.nanoseconds = 1'000'000'000;
  EXPECT_EQ(parse_load(as_bytes(pack_load(entries))).code(), EPROTO);
}

TEST(LoadBatch, NoMoreThanTheLimit) {
  const std::vector<engine::LoadEntry> many(kLoadEntriesMax + 1);
  EXPECT_EQ(parse_load(as_bytes(pack_load(many))).code(), EMSGSIZE);
  EXPECT_EQ(parse_load(ByteVector(kLoadBatchBytesMax + 1)).code(), EMSGSIZE);
}

}  // namespace
}  // namespace ciaos::rpc
