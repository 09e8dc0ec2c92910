#include "store/mkfs.h"

#include <gtest/gtest.h>

#include "base/digest.h"
#include "store/memory_device.h"
#include "store/needle.h"
#include "support/crash_device.h"
#include "temp_directory.h"

namespace ciaos::store {
namespace {

using test::CrashDevice;
using test::CrashPlan;

using Devices = std::vector<std::unique_ptr<StoreDevice>>;

constexpr std::uint64_t kDiskBytes = 10u << 20;
constexpr std::string_view kRecords = "rows of a new store";

FormatOptions options() {
  FormatOptions o;
  o.uuid.bytes.fill(0x11);
  o.label = "models";
  o.volume_bytes = 1 << 20;
  o.created_seconds = 1'700'000'000;
  return o;
}

Devices on(const std::vector<std::shared_ptr<Device>>& disks) {
  Devices devices;
  for (const auto& disk : disks) devices.push_back(raw_store_device(disk));
  return devices;
}

Status format(const std::vector<std::shared_ptr<Device>>& disks, const FormatOptions& with = options()) {
  Devices devices = on(disks);
  std::vector<std::uint64_t> bytes;
  for (const auto& disk : disks) bytes.push_back(disk->size());
  const auto plan = TRY(plan_format(devices, bytes, with));
  return format_store(devices, plan, as_bytes(kRecords));
}

ByteVector all_of(Device& disk) {
  ByteVector bytes(disk.size());
  EXPECT_TRUE(disk.read(0, bytes).ok());
  return bytes;
}

TEST(Mkfs, VolumesSuitTheDevice) {
  EXPECT_EQ(4u << 20, default_volume_bytes(16u << 20));
  EXPECT_EQ(4u << 20, default_volume_bytes(100u << 20));
  EXPECT_EQ(32u << 20, default_volume_bytes(1ull << 30))
      << "the superblocks take a little of the 16 times 64 MiB";
  EXPECT_EQ(1u << 30, default_volume_bytes(17ull << 30));
  EXPECT_EQ(1u << 30, default_volume_bytes(64ull << 40));
  EXPECT_EQ(1u << 30, default_volume_bytes(0)) << "a directory";
}

TEST(Mkfs, ImpossibleWishesAreRefused) {
  Devices devices = on({std::make_shared<MemoryDevice>(kDiskBytes)});
  for (const std::uint64_t bytes : {kVolumeBytesMin / 2, std::uint64_t{3} << 20, kVolumeBytesMax * 2}) {
    FormatOptions o = options();
    o.volume_bytes = bytes;
    EXPECT_EQ(EINVAL, plan_format(devices, {kDiskBytes}, o).code()) << bytes;
  }
  FormatOptions o = options();
  o.volume_bytes = 2 << 20;
  EXPECT_EQ(ENOSPC, plan_format(devices, {kDiskBytes}, o).code());
  EXPECT_EQ(ENOSPC, plan_format(devices, {512}, options()).code());
  o = options();
  o.label = std::string(65, 'x');
  EXPECT_EQ(EINVAL, plan_format(devices, {kDiskBytes}, o).code());
  o = options();
  o.index_path = std::string(1024, 'x');
  EXPECT_EQ(EINVAL, plan_format(devices, {kDiskBytes}, o).code());
  o = options();
  o.uuid = {};
  EXPECT_EQ(EINVAL, plan_format(devices, {kDiskBytes}, o).code());
  Devices none;
  EXPECT_EQ(EINVAL, plan_format(none, {}, options()).code());
  const auto plan = plan_format(devices, {kDiskBytes}, options());
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(EFBIG, format_store(devices, *plan, ByteVector(1 << 20)).code());
}

TEST(Mkfs, TheFirstBatchStandsAtTheLogsStart) {
  auto disk = std::make_shared<MemoryDevice>(kDiskBytes);
  ASSERT_TRUE(format({disk}).ok());
  auto set = VolumeSet::open(on({disk}));
  ASSERT_TRUE(set.ok());
  const Superblock s = (*set)->superblock();
  EXPECT_EQ(Epoch(1), s.epoch);
  EXPECT_EQ(1u, s.counter);
  EXPECT_EQ((VolumePosition{make_volume_id(0, 0), Generation(1), 0}), s.log_start);
  EXPECT_EQ("models", s.label);
  EXPECT_FALSE(s.snapshot.has_value());

  ByteVector block(kBlockBytes);
  ASSERT_TRUE((*(*set)->volume(s.log_start.volume))->read(0, block).ok());
  const auto header = decode_needle_header(s.uuid, s.log_start, block);
  ASSERT_TRUE(header.ok()) << to_string(header.error());
  EXPECT_EQ(NeedleKind::txn, header->kind);
  EXPECT_EQ(Sequence(1), header->sequence);
  EXPECT_EQ(Epoch(1), header->epoch);
  const ByteSpan payload =
      ByteSpan(block).subspan(payload_position(0, header->payload_bytes), header->payload_bytes);
  ASSERT_TRUE(verify_payload(s.uuid, *header, 0, payload).ok());
  const auto txn = decode_txn_payload(payload);
  ASSERT_TRUE(txn.ok());
  EXPECT_EQ(kRecords, as_text(txn->records));
  TxnHeader expected;
  expected.resume = {s.log_start.volume, Generation(1), kBlockBytes};
  EXPECT_EQ(expected, txn->header);
}

TEST(Mkfs, SameInputSameBytes) {
  auto once = std::make_shared<MemoryDevice>(kDiskBytes);
  auto again = std::make_shared<MemoryDevice>(kDiskBytes);
  ASSERT_TRUE(format({once}).ok());
  ASSERT_TRUE(format({again}).ok());
  EXPECT_EQ(all_of(*once), all_of(*again));
}

TEST(Mkfs, AStoreIsNotFormattedIntoItself) {
  auto disk = std::make_shared<MemoryDevice>(kDiskBytes);
  ASSERT_TRUE(format({disk}).ok());
  EXPECT_EQ(EEXIST, format({disk}).code());
  FormatOptions other = options();
  other.uuid.bytes.fill(0x22);
  EXPECT_TRUE(format({disk}, other).ok());
}

TEST(Mkfs, ACrashInTheMiddleLeavesTheOldStoreOrNoneOrTheNewOne) {
  FormatOptions other = options();
  other.uuid.bytes.fill(0x22);
  bool finished = false;
  for (std::uint64_t cut = 1; !finished; ++cut) {
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      auto disk = std::make_shared<MemoryDevice>(kDiskBytes);
      ASSERT_TRUE(format({disk}).ok());
      auto plan = std::make_shared<CrashPlan>();
      plan->cut_at_sync(cut, CrashPlan::Cut::when_sync_begins);
      auto crash = std::make_shared<CrashDevice>(disk, plan);
      finished = format({crash}, other).ok();
      if (finished) break;
      const auto survivor = crash->survivor(seed);
      const auto read = raw_store_device(survivor)->read_superblock();
      if (!read.ok()) {
        EXPECT_TRUE(read.code() == ENODATA || read.code() == EUCLEAN) << to_string(read.error());
      } else if (read->uuid == other.uuid) {
        ByteVector block(kBlockBytes);
        ASSERT_TRUE(survivor->read(kSlotsBegin, block).ok());
        EXPECT_TRUE(decode_needle_header(other.uuid, read->log_start, block).ok())
            << "a superblock is written only behind the batch it names; cut " << cut << " seed " << seed;
      } else {
        EXPECT_EQ(options().uuid, read->uuid);
      }
    }
  }
}

TEST(Mkfs, SeveralDevicesKnowTheirPlace) {
  auto first = std::make_shared<MemoryDevice>(kDiskBytes);
  auto second = std::make_shared<MemoryDevice>(2 * kDiskBytes);
  ASSERT_TRUE(format({first, second}).ok());
  auto set = VolumeSet::open(on({second, first}));
  ASSERT_TRUE(set.ok()) << to_string(set.error());
  EXPECT_EQ(8u, set.value()->device(0).read_superblock()->slot_count);
  EXPECT_EQ(18u, set.value()->device(1).read_superblock()->slot_count);
}

TEST(Mkfs, ADirectoryBecomesAStore) {
  test::TempDirectory directory;
  const std::string path = directory / "store";
  {
    Devices devices;
    auto created = create_store_device(path);
    ASSERT_TRUE(created.ok());
    devices.push_back(std::move(*created));
    const auto plan = plan_format(devices, {0}, options());
    ASSERT_TRUE(plan.ok());
    ASSERT_TRUE(format_store(devices, *plan, as_bytes(kRecords)).ok());
    EXPECT_TRUE(format_store(devices, *plan, as_bytes(kRecords)).ok())
        << "its old volumes are removed, so it may";
  }
  Devices devices;
  auto opened = open_store_device(path, OpenAccess::read_write, 0);
  ASSERT_TRUE(opened.ok());
  devices.push_back(std::move(*opened));
  auto set = VolumeSet::open(std::move(devices));
  ASSERT_TRUE(set.ok());
  EXPECT_EQ((std::vector<VolumeId>{make_volume_id(0, 0)}), *(*set)->existing_volumes());
  EXPECT_EQ(0u, (*set)->superblock().slot_count);
}

}  // namespace
}  // namespace ciaos::store
