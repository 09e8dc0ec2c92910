// Wrong bytes on the device: an error where they are, never wrong data, and nothing else is touched (invariant 4).
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/damaged_store.h"
#include "store/format.h"
#include "store/memory_device.h"
#include "support/random.h"

namespace ciaos::test {
namespace {

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

}  // namespace
}  // namespace ciaos::test
