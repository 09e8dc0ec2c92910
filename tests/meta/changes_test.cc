#include "meta/changes.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <initializer_list>
#include <string>

#include "meta/row_codec.h"
#include "support/random_changes.h"

namespace ciaos::meta {
namespace {

using ciaos::test::Random;

ByteVector bytes(std::initializer_list<int> values) {
  ByteVector out;
  for (const int value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}

ByteVector bytes(std::initializer_list<int> head, std::string_view text) {
  ByteVector out = bytes(head);
  out.insert(out.end(), as_bytes(text).begin(), as_bytes(text).end());
  return out;
}

// What any one change takes at most by record_bytes() and its constants.
std::size_t bound_of(const Changes& changes) {
  std::size_t sum = changes.extents.size() * kExtentRecordBytes +
                    changes.volumes.size() * kVolumeRecordBytes +
                    changes.counters.size() * kCounterRecordBytes;
  for (const auto& [key, row] : changes.inodes) sum += record_bytes(row.value_or(InodeRow{}));
  for (const auto& [key, row] : changes.names) sum += record_bytes(key);
  for (const auto& [key, row] : changes.xattrs) sum += record_bytes(key, row.value_or(XattrRow{}));
  return sum;
}

TEST(ChangesFormat, IsWhatTheDocumentTables) {
  Changes changes;
  InodeRow file;
  file.mode = S_IFREG | 0644;
  file.uid = 1000;
  file.gid = 100;
  file.links = 1;
  file.size = file.stored_bytes = 4096;
  file.modified = file.changed = file.born = {1'700'000'000, 5};
  file.accessed = {1'699'999'999, 7};
  file.change = 1;
  changes.inodes[InodeId(7)] = file;
  changes.inodes[InodeId(8)] = std::nullopt;
  changes.names[{InodeId(1), "ab"}] = NameRow{InodeId(7), 300, 8};
  changes.names[{InodeId(1), "b"}] = std::nullopt;
  ExtentRow extent{4096, {{make_volume_id(0, 2), Generation(1), 8192}, 4096, 0x04030201}, 0};
  changes.extents[{InodeId(7), 0}] = extent;
  extent.needle.at.offset = 8000;
  extent.length = 100;
  extent.payload_offset = 3;
  changes.extents[{InodeId(7), 4096}] = extent;
  changes.extents[{InodeId(9), 1}] = std::nullopt;
  changes.xattrs[{InodeId(7), "user.a"}] = XattrRow{"xyz"};
  changes.xattrs[{InodeId(7), "user.b"}] = std::nullopt;
  changes.volumes[make_volume_id(0, 2)] = VolumeRow{Generation(1), VolumeState::sealed, Sequence(9)};
  changes.volumes[make_volume_id(1, 0)] = std::nullopt;
  changes.counters[1] = CounterRow{200};
  changes.counters[0x100] = std::nullopt;

  ByteVector golden = bytes({1});  // version
  const auto add = [&golden](const ByteVector& more) {
    golden.insert(golden.end(), more.begin(), more.end());
  };
  add(bytes({1, 2}));                                         // inodes, two records
  add(bytes({7, 0xC3, 0x04, 0xA4, 0x83, 0x02, 0x80, 0x20}));  // key, shape, mode, size
  add(bytes({0x80, 0xC4, 0x9F, 0xD5, 0x0C, 5}));              // modified
  add(bytes({0xE8, 0x07, 0x64, 1, 7, 1}));                    // owner, accessed a second before, change
  add(bytes({0, 0}));                                         // the next key: deleted
  add(bytes({2, 2}));                                         // names
  add(bytes({1, 2, 'a', 'b', 17, 7, 0xAC, 0x02}));  // parent, name, put a regular file, child, position
  add(bytes({0, 1, 'b', 0}));                       // the same parent; deleted
  add(bytes({3, 3}));                               // extents
  add(bytes({7, 0, 5, 2, 1, 0x80, 0x80, 0x01, 0x80, 0x20, 1, 2, 3, 4}));       // whole needle, place in full
  add(bytes({0, 0xFF, 0x1F, 3, 0xFF, 0x02, 0x80, 0x20, 1, 2, 3, 4, 3, 100}));  // near, 192 bytes before
  add(bytes({2, 1, 0}));                                                       // another inode; deleted
  add(bytes({4, 2}));                                                          // xattrs
  add(bytes({7, 6, 'u', 's', 'e', 'r', '.', 'a', 1, 3, 'x', 'y', 'z'}));
  add(bytes({0, 6, 'u', 's', 'e', 'r', '.', 'b', 0}));
  add(bytes({5, 2}));                       // volumes
  add(bytes({2, 2, 1, 9}));                 // key, sealed, generation, last txn
  add(bytes({0xFD, 0xFF, 0xFF, 0x07, 0}));  // 2^24, as the distance to 3; deleted
  add(bytes({6, 2}));                       // counters
  add(bytes({1, 1, 0xC8, 0x01}));
  add(bytes({0xFE, 0x01, 0}));  // 256, as the distance to 2; deleted

  EXPECT_EQ(encode_changes(changes), golden);
  auto decoded = decode_changes(golden);
  ASSERT_TRUE(decoded.ok()) << to_string(decoded.error());
  EXPECT_EQ(*decoded, changes);
}

TEST(ChangesFormat, TheMarkOfAnImplicitDirectoryIsBit31OfItsFlags) {
  Changes changes;
  InodeRow row;
  row.mode = 040755;
  row.links = 1;
  row.flags = kImplicitDirectory;
  changes.inodes[InodeId(1)] = row;
  // version, table, count, key, shape with bit 3, mode, size, modified, then the flags
  EXPECT_EQ(encode_changes(changes),
            bytes({1, 1, 1, 1, 0x09, 0xED, 0x83, 0x01, 0, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x08}));
}

TEST(ChangesFormat, ReservedExtentsNameNoNeedleAndRaiseTheVersion) {
  Changes changes;
  changes.extents[{InodeId(7), 0}] = ExtentRow::reservation(kReservedExtentBytesMax);
  changes.extents[{InodeId(7), 1u << 20}] = ExtentRow{9, {{make_volume_id(0, 2), Generation(1), 0}, 9, 1}, 0};
  changes.extents[{InodeId(7), (1u << 20) + 9}] = ExtentRow::reservation(1);
  const ByteVector golden =
      bytes({2, 3,    3,                             // version, extents, three of them
             7, 0,    9,    0x80, 0x80, 0x40,        // inode, offset, reserved, length
             0, 0xFF, 0xFF, 0x3F, 5,    2,    1, 0,  // a needle that is near to none before it
             9, 1,    0,    0,    0,                 // its payload and checksum
             0, 8,    9,    1});
  EXPECT_EQ(encode_changes(changes), golden);
  const auto decoded = decode_changes(golden);
  ASSERT_TRUE(decoded.ok()) << to_string(decoded.error());
  EXPECT_EQ(*decoded, changes);
}

TEST(ChangesFormat, InodesOfAQuotaTreeNameItBehindAllElseAndRaiseTheVersion) {
  Changes changes;
  InodeRow row;
  row.mode = 0100644;
  row.links = 1;
  row.content = "c";
  row.quota_root = InodeId(200);
  changes.inodes[InodeId(201)] = row;
  // version, table, count, key, shape with bits 11 and 12, mode, size, modified, content, quota_root
  const ByteVector golden =
      bytes({3, 1, 1, 0xC9, 0x01, 0x81, 0x30, 0xA4, 0x83, 0x02, 0, 0, 0, 1, 'c', 0xC8, 0x01});
  EXPECT_EQ(encode_changes(changes), golden);
  EXPECT_EQ(*decode_changes(golden), changes);
  ByteVector older = golden;
  older[0] = std::byte{2};
  EXPECT_EQ(decode_changes(older).code(), EUCLEAN);
}

TEST(ChangesFormat, NoChangesAreTheVersionAlone) {
  EXPECT_EQ(encode_changes({}), bytes({1}));
  EXPECT_TRUE(decode_changes(bytes({1}))->empty());
}

TEST(ChangesFormat, EveryChangeComesBackAndStaysWithinItsBound) {
  const auto [first, last] = ciaos::test::seeds_to_run(300);
  for (std::uint64_t seed = first; seed < last; ++seed) {
    SCOPED_TRACE("CIAOS_SEED=" + std::to_string(seed));
    Random random(seed);
    const Changes changes = test::random_changes(random, random.below(60));
    const ByteVector encoded = encode_changes(changes);
    auto decoded = decode_changes(encoded);
    ASSERT_TRUE(decoded.ok()) << to_string(decoded.error());
    ASSERT_EQ(*decoded, changes);
    ASSERT_LE(encoded.size(), changes.empty() ? 1 : bound_of(changes));
  }
}

TEST(ChangesFormat, TheLargestRecordsStayWithinTheirBounds) {
  const InodeId last_inode(kNumberMax);
  Changes changes;
  InodeRow inode;
  inode.mode = 0177777;
  inode.uid = inode.gid = inode.links = inode.flags = UINT32_MAX;
  inode.device = inode.change = UINT64_MAX;
  inode.size = kNumberMax;
  inode.stored_bytes = kNumberMax - 1;
  inode.modified = {INT64_MIN, 999'999'999};
  inode.accessed = inode.changed = inode.born = {INT64_MAX / 2, 999'999'999};
  inode.parent = last_inode;
  inode.entries = inode.next_position = kNumberMax;
  inode.content = std::string(kContentBytesMax, 'x');
  changes.inodes[last_inode] = inode;
  EXPECT_LE(encode_changes(changes).size(), record_bytes(inode));

  changes = {};
  const NameKey name{last_inode, std::string(kNameBytesMax, 'n')};
  changes.names[name] = NameRow{last_inode, kNumberMax, 15};
  EXPECT_LE(encode_changes(changes).size(), record_bytes(name));

  changes = {};
  ExtentRow extent;
  extent.payload_offset = 0x8000'0000u;
  extent.length = 0x7FFF'FFFFu;
  extent.needle = {
      {make_volume_id(kDeviceIndexMax, 0xFFFFFF), Generation(UINT32_MAX), kNumberMax}, UINT32_MAX, 1};
  changes.extents[{last_inode, kNumberMax - extent.length}] = extent;
  EXPECT_LE(encode_changes(changes).size(), kExtentRecordBytes);

  changes = {};
  const XattrKey xattr{last_inode, std::string(kXattrNameBytesMax, 'n')};
  changes.xattrs[xattr] = XattrRow{std::string(kXattrValueBytesMax, 'v')};
  EXPECT_LE(encode_changes(changes).size(), record_bytes(xattr, *changes.xattrs[xattr]));
  EXPECT_LE(encode_changes(changes).size(), kRecordBytesMax);

  changes = {};
  changes.volumes[make_volume_id(kDeviceIndexMax, 0xFFFFFF)] =
      VolumeRow{Generation(UINT32_MAX), VolumeState::free, Sequence(UINT64_MAX)};
  EXPECT_LE(encode_changes(changes).size(), kVolumeRecordBytes);

  changes = {};
  changes.counters[UINT32_MAX] = CounterRow{UINT64_MAX};
  EXPECT_LE(encode_changes(changes).size(), kCounterRecordBytes);
}

TEST(ChangesFormat, AFourKibibyteFileCostsWellUnder150Bytes) {
  Changes changes;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const InodeId inode(1'000'000 + i);
    InodeRow file;
    file.mode = S_IFREG | 0644;
    file.uid = file.gid = 1000;
    file.links = 1;
    file.size = file.stored_bytes = 4096;
    file.born = {1'700'000'000, 123'456'789};
    file.accessed = file.born;
    file.modified = file.changed = {1'700'000'000, 223'456'789};
    file.change = 1;
    changes.inodes[inode] = file;
    changes.names[{InodeId(77), "image_" + std::to_string(100'000 + i) + ".jpg"}] =
        NameRow{inode, 5'000 + i, 8};
    changes.extents[{inode, 0}] = ExtentRow{
        4096, {{make_volume_id(0, 12), Generation(1), 900'000'000 + i * 4168}, 4096, 0xDEADBEEF}, 0};
  }
  const std::size_t each = encode_changes(changes).size() / 1000;
  RecordProperty("bytes_per_file", static_cast<int>(each));
  EXPECT_LE(each, 100u);
}

TEST(ChangesFormat, TimesAreExactInEveryCentury) {
  for (const Timestamp time :
       {Timestamp{-1, 999'999'999}, Timestamp{-5'000'000'000, 1}, Timestamp{4'294'967'296, 0},
        Timestamp{INT64_MIN, 0}, Timestamp{INT64_MAX, 999'999'999}}) {
    Changes changes;
    InodeRow row;
    row.modified = time;
    row.born = {INT64_MAX, 3};
    row.changed = {INT64_MIN, 4};
    changes.inodes[InodeId(1)] = row;
    EXPECT_EQ(*decode_changes(encode_changes(changes)), changes);
  }
}

TEST(ChangesDecoder, RefusesWhatANewerVersionWrote) {
  EXPECT_EQ(decode_changes(bytes({4})).code(), ENOTSUP);
  EXPECT_EQ(decode_changes(bytes({1, 7, 1, 1, 1})).code(), ENOTSUP) << "a table of tomorrow";
}

TEST(ChangesDecoder, RefusesDamageOfEveryField) {
  struct Case {
    const char* what;
    ByteVector bytes;
  };
  const Case cases[] = {
      {"nothing", {}},
      {"version 0", bytes({0})},
      {"table 0", bytes({1, 0, 1, 0, 0})},
      {"table head cut short", bytes({1, 6})},
      {"no records", bytes({1, 6, 0})},
      {"more records than bytes", bytes({1, 6, 2, 1, 0})},
      {"tables out of order", bytes({1, 6, 1, 1, 0, 5, 1, 1, 0})},
      {"a table twice", bytes({1, 6, 1, 1, 0, 6, 1, 1, 0})},
      {"trailing byte", bytes({1, 6, 1, 1, 0, 9})},
      {"inode 0", bytes({1, 1, 1, 0, 0})},
      {"inode beyond 2^63", bytes({1, 1, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1, 0})},
      {"inode deleted by another shape", bytes({1, 1, 1, 1, 2, 0, 0, 0, 0})},
      {"inode of an unknown shape", bytes({3, 1, 1, 1, 0x81, 0xC0, 0x00, 0, 0, 0, 0})},
      {"mode too large", bytes({1, 1, 1, 1, 1, 0x80, 0x80, 0x04, 0, 0, 0})},
      {"nanoseconds too many", bytes({1, 1, 1, 1, 1, 0, 0, 0, 0x80, 0x94, 0xEB, 0xDC, 3})},
      {"name in inode 0", bytes({1, 2, 1, 0, 1, 'a', 0})},
      {"empty name", bytes({1, 2, 1, 1, 0, 0})},
      {"name with a slash", bytes({1, 2, 1, 1, 3, 'a', '/', 'b', 0})},
      {"name with a NUL", bytes({1, 2, 1, 1, 2, 'a', 0, 0})},
      {"name dot", bytes({1, 2, 1, 1, 1, '.', 0})},
      {"name dot-dot", bytes({1, 2, 1, 1, 2, '.', '.', 0})},
      {"name of 256 bytes", bytes({1, 2, 1, 1, 0x80, 2}, std::string(256, 'x') + '\0')},
      {"names out of order", bytes({1, 2, 2, 1, 1, 'b', 0, 0, 1, 'a', 0})},
      {"a name twice", bytes({1, 2, 2, 1, 1, 'b', 0, 0, 1, 'b', 0})},
      {"name of inode 0", bytes({1, 2, 1, 1, 1, 'a', 17, 0, 1})},
      {"name of an unknown type", bytes({1, 2, 1, 1, 1, 'a', 33, 1, 1})},
      {"extent without length", bytes({1, 3, 1, 1, 0, 1, 2, 1, 0, 9, 0, 0, 0, 0, 0, 0})},
      {"extent past its needle", bytes({1, 3, 1, 1, 0, 1, 2, 1, 0, 9, 0, 0, 0, 0, 5, 5})},
      {"extent near to none before it", bytes({1, 3, 1, 1, 0, 7, 0, 9, 0, 0, 0, 0})},
      {"needle before its volume", bytes({1, 3, 1, 1, 0, 5, 2, 1, 1, 9, 0, 0, 0, 0})},
      {"device 255", bytes({1, 3, 1, 1, 0, 5, 0x80, 0x80, 0x80, 0xF8, 0x0F, 1, 0, 9, 0, 0, 0, 0})},
      {"extent past the largest file",
       bytes({1, 3, 1, 1, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 5, 2, 1, 0, 9, 0, 0, 0, 0})},
      {"reserved extent of version 1", bytes({1, 3, 1, 1, 0, 9, 1})},
      {"reserved extent without length", bytes({2, 3, 1, 1, 0, 9, 0})},
      {"reserved extent too long", bytes({2, 3, 1, 1, 0, 9, 0x81, 0x80, 0x40})},
      {"reserved extent with a needle", bytes({2, 3, 1, 1, 0, 13, 1})},
      {"empty attribute name", bytes({1, 4, 1, 1, 0, 0})},
      {"attribute deleted by 2", bytes({1, 4, 1, 1, 1, 'a', 2})},
      {"attribute of 65537 bytes", bytes({1, 4, 1, 1, 1, 'a', 1, 0x81, 0x80, 0x04}, std::string(65537, 'x'))},
      {"volume of an unknown state", bytes({1, 5, 1, 1, 4, 1, 1})},
      {"volume beyond 32 bits", bytes({1, 5, 1, 0x80, 0x80, 0x80, 0x80, 0x10, 0})},
      {"counter deleted by 2", bytes({1, 6, 1, 1, 2, 1})},
      {"varint of eleven bytes", bytes({1, 6, 1, 1, 1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})},
  };
  for (const Case& c : cases) EXPECT_EQ(decode_changes(c.bytes).code(), EUCLEAN) << c.what;
}

TEST(ChangesDecoder, SaysWhichRecordIsDamaged) {
  const auto decoded = decode_changes(bytes({1, 2, 2, 1, 1, 'a', 0, 0, 3, 'b', '/', 'c', 0}));
  ASSERT_FALSE(decoded.ok());
  EXPECT_EQ(decoded.error().context, "record 1 of names: name with a slash or NUL");
}

TEST(ChangesDecoder, EveryCutIsRefused) {
  Random random(1);
  const ByteVector whole = encode_changes(test::random_changes(random, 40));
  for (std::size_t bytes_kept = 0; bytes_kept < whole.size(); bytes_kept += 1 + bytes_kept / 64) {
    const auto decoded = decode_changes(ByteSpan(whole).first(bytes_kept));
    // A cut between tables leaves fewer tables; whoever stores records stores their length and checksum.
    if (decoded.ok())
      EXPECT_LT(decoded->count(), 40u);
    else
      EXPECT_EQ(decoded.code(), EUCLEAN);
  }
}

TEST(ChangesDecoder, SurvivesGarbageAndMutation) {
  static const ByteVector sound = [] {
    Random random(7);
    return encode_changes(test::random_changes(random, 30));
  }();
  const auto [first, last] = ciaos::test::seeds_to_run(20'000);
  for (std::uint64_t seed = first; seed < last; ++seed) {
    SCOPED_TRACE("CIAOS_SEED=" + std::to_string(seed));
    Random random(seed);
    ByteVector mutated;
    if (random.chance(25)) {
      mutated.resize(random.below(200));
      for (std::byte& byte : mutated) byte = static_cast<std::byte>(random.next());
      if (!mutated.empty()) mutated[0] = std::byte{1};
    } else {
      mutated = sound;
      for (std::uint64_t left = 1 + random.below(4); left > 0; --left) {
        mutated[random.below(mutated.size())] = static_cast<std::byte>(random.next());
      }
    }
    const auto decoded = decode_changes(mutated);
    // What is accepted is within every bound: the encoder asserts them.
    if (decoded.ok())
      ASSERT_EQ(*decode_changes(encode_changes(*decoded)), *decoded);
    else
      ASSERT_TRUE(decoded.code() == EUCLEAN || decoded.code() == ENOTSUP);
  }
}

}  // namespace
}  // namespace ciaos::meta
