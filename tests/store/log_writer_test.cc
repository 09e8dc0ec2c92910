#include "store/log_writer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "log_store.h"
#include "store/file_device.h"
#include "store/memory_device.h"
#include "support/crash_device.h"
#include "support/interposed_device.h"
#include "temp_directory.h"

namespace ciaos::store {
namespace {

using test::LogStore;
using test::Random;

std::shared_ptr<MemoryDevice> memory() { return std::make_shared<MemoryDevice>(test::kDeviceBytes); }

std::string read_back(LogStore& log, const NeedlePlace& place) {
  const auto needle = read_needle(log.volumes(), test::log_store_uuid(), place);
  return needle.ok() ? std::string(as_text(needle->payload)) : to_string(needle.error());
}

TEST(LogWriter, CommittedNeedlesAreOnTheDevice) {
  LogStore log(memory());
  log.start(test::before_first(), Epoch(1));
  std::map<std::string, NeedlePlace> places;
  Random random(7);
  for (const std::size_t bytes : {1u, 100u, 4096u, 5000u, 65535u, 65536u, 40000u, 3u}) {
    const std::string payload = random.bytes(bytes);
    places[payload] = log.append(payload).value();
  }
  log.committed("first");
  for (const auto& [payload, place] : places) EXPECT_EQ(read_back(log, place), payload);
}

TEST(LogWriter, UnwrittenNeedlesAreReadFromMemory) {
  LogStore log(memory());
  log.start(test::before_first(), Epoch(1));
  Random random(8);
  std::vector<std::pair<std::string, NeedlePlace>> needles;
  for (int i = 0; i < 30; ++i) {
    const std::string payload = random.bytes(1 + random.below(65536));
    needles.emplace_back(payload, log.append(payload).value());
  }
  // Chunks are written behind our back, so each needle is in memory or on the device, but never in neither.
  for (const auto& [payload, place] : needles) {
    VolumePosition at = place.at;
    at.offset = payload_position(place.at.offset, place.payload_bytes);
    std::string got(payload.size(), '\0');
    if (!log.writer().read_unwritten(at, std::as_writable_bytes(std::span(got)))) got = read_back(log, place);
    EXPECT_EQ(got, payload);
  }
}

TEST(LogWriter, NothingIsUnwrittenAfterACommit) {
  LogStore log(memory());
  log.start(test::before_first(), Epoch(1));
  const NeedlePlace place = log.append("hello").value();
  std::string got(5, '\0');
  VolumePosition at = place.at;
  at.offset = payload_position(place.at.offset, place.payload_bytes);
  EXPECT_TRUE(log.writer().read_unwritten(at, std::as_writable_bytes(std::span(got))));
  EXPECT_EQ(got, "hello");
  log.committed("");
  EXPECT_FALSE(log.writer().read_unwritten(at, std::as_writable_bytes(std::span(got))));
}

TEST(LogWriter, NoBlockIsWrittenTwice) {
  const auto device = std::make_shared<test::InterposedDevice>(memory());
  LogStore log(device);
  std::atomic<bool> twice = false;
  std::mutex mutex;
  std::map<std::uint64_t, int> blocks;
  device->set_hooks({.before_read = {},
                     .before_write =
                         [&](std::uint64_t offset, ByteSpan from) {
                           const std::lock_guard lock(mutex);
                           for (std::uint64_t at = offset; at < offset + from.size(); at += kBlockBytes) {
                             if (++blocks[at] > 1) twice = true;
                           }
                           return Status();
                         },
                     .before_sync = {},
                     .after_sync = {}});
  log.start(test::before_first(), Epoch(1));
  Random random(9);
  for (int batch = 0; batch < 30; ++batch) {
    for (std::uint64_t i = random.below(8); i > 0; --i) {
      ASSERT_TRUE(log.append(random.bytes(1 + random.below(random.chance(50) ? 300 : 65536))).ok());
    }
    log.committed(random.bytes(random.below(5000)));
  }
  log.stop();
  EXPECT_FALSE(twice);
}

TEST(LogWriter, DataMovesOnAndTheLogFollowsOneBatchLater) {
  LogStore log(memory());
  log.start(test::before_first(), Epoch(1));
  const std::string payload(60000, 'x');
  NeedlePlace last = log.append(payload).value();
  while (last.at.volume == VolumeId(0)) last = log.append(payload).value();
  const TxnRef first = log.committed("moved on");
  EXPECT_EQ(first.at.volume, VolumeId(0));
  EXPECT_EQ(first.resume.volume, last.at.volume);
  EXPECT_EQ(first.resume.offset, align_up(needle_end(last.at.offset, last.payload_bytes), kBlockBytes));
  const TxnRef second = log.committed("next");
  EXPECT_EQ(second.at, first.resume);
  const auto started = log.writer().take_started();
  ASSERT_EQ(started.size(), 1u);
  EXPECT_EQ(started[0].volume, last.at.volume);
  EXPECT_TRUE(log.writer().take_started().empty());
}

TEST(LogWriter, LogOfEmptyBatchesMovesOnByItself) {
  LogStore log(memory());
  log.start(test::before_first(), Epoch(1));
  TxnRef ref;
  for (int i = 0; i < 300; ++i) {
    const TxnRef next = log.committed("r");
    if (ref.resume.volume != VolumeId()) {
      EXPECT_EQ(next.at, ref.resume);
    }
    ref = next;
  }
  EXPECT_NE(ref.at.volume, VolumeId(0));
  EXPECT_EQ(log.read_log().batches.size(), 300u);
}

TEST(LogWriter, BatchOfAHundredNeedlesCostsOneSync) {
  const auto device = std::make_shared<test::InterposedDevice>(memory());
  LogStore log(device);
  log.start(test::before_first(), Epoch(1));
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(log.append(std::string(30000, 'a')).ok());
  const std::uint64_t before = device->syncs();
  log.committed("");
  // Several slots, one device.
  EXPECT_EQ(device->syncs(), before + 1);
}

TEST(LogWriter, TxnNeedleIsWrittenAfterTheSyncOfTheBatchBefore) {
  const auto device = std::make_shared<test::InterposedDevice>(memory());
  LogStore log(device);
  log.start(test::before_first(), Epoch(1));
  ASSERT_TRUE(log.append("a").ok());
  auto sealed = log.writer().cut(as_bytes("one"), false);
  ASSERT_TRUE(sealed.ok());
  // Data of the next batch is appended while the sync runs.
  device->set_hooks({.before_read = {},
                     .before_write = {},
                     .before_sync = [&] { return log.append("b").ok() ? Status() : Status(fail(EIO)); },
                     .after_sync = {}});
  ASSERT_TRUE(log.writer().commit(*std::move(sealed)).ok());
  device->set_hooks({});
  EXPECT_EQ(log.writer().open_sequence(), Sequence(2));
  EXPECT_EQ(log.writer().open_batch_bytes(), 1u);
  log.committed("two");
  EXPECT_EQ(log.read_log().batches.size(), 2u);
}

TEST(LogWriter, FailedSyncIsSticky) {
  const auto plan = std::make_shared<test::CrashPlan>();
  LogStore log(std::make_shared<test::CrashDevice>(test::kDeviceBytes, plan));
  log.start(test::before_first(), Epoch(1));
  log.committed("one");
  plan->fail_sync(plan->syncs() + 1);
  ASSERT_TRUE(log.append("two").ok());
  EXPECT_EQ(log.commit("two").code(), EIO);
  EXPECT_EQ(log.append("three").code(), EIO);
  EXPECT_EQ(log.commit("three").code(), EIO);
  EXPECT_EQ(log.writer().failure().code(), EIO);
  log.writer().throttle();  // does not wait for what will never happen
}

TEST(LogWriter, FailedWriteIsStickyAndWhatWasAppendedStaysReadable) {
  const auto plan = std::make_shared<test::CrashPlan>();
  LogStore log(std::make_shared<test::CrashDevice>(test::kDeviceBytes, plan));
  log.start(test::before_first(), Epoch(1));
  const NeedlePlace place = log.append("kept").value();
  plan->fail_write(plan->writes() + 1);
  EXPECT_EQ(log.commit("").code(), EIO);
  std::string got(4, '\0');
  VolumePosition at = place.at;
  at.offset = payload_position(place.at.offset, place.payload_bytes);
  EXPECT_TRUE(log.writer().read_unwritten(at, std::as_writable_bytes(std::span(got))));
  EXPECT_EQ(got, "kept");
  EXPECT_EQ(log.commit("").code(), EIO);
}

TEST(LogWriter, FullStoreRefusesDataAndStillCommits) {
  LogStore log(memory());
  log.start(test::before_first(), Epoch(1));
  const std::string payload(60000, 'x');
  int code = 0;
  while (code == 0) code = log.append(payload).code();
  EXPECT_EQ(code, ENOSPC);
  // Invariant 8: what was kept for txn needles takes the deletions that make room.
  for (int i = 0; i < 20; ++i) EXPECT_NE(log.committed("delete").sequence, Sequence(0));
}

TEST(LogWriter, CutWithoutAVolumeForTheLogAppendsNothing) {
  LogStore log(memory());
  log.start(test::before_first(), Epoch(1));
  std::size_t commits = 0;
  int code = 0;
  VolumePosition tail;
  for (; code == 0; ++commits) {
    tail = log.writer().tail();
    code = log.commit("delete").code();
  }
  EXPECT_EQ(code, ENOSPC);
  EXPECT_TRUE(log.writer().failure().ok());
  EXPECT_EQ(log.writer().tail(), tail);
  EXPECT_EQ(log.commit("delete").code(), ENOSPC);
  log.stop();
  const test::ReadLog read = log.read_log();
  EXPECT_EQ(read.end, 0);
  EXPECT_EQ(read.batches.size(), commits - 1);
}

TEST(LogWriter, TooManyRecordsAreRefusedBeforeAnythingIsAppended) {
  LogStore log(memory());
  log.start(test::before_first(), Epoch(1));
  const std::string records(log.limits.txn_payload_bytes_max, 'r');
  EXPECT_EQ(log.commit(records).code(), EMSGSIZE);
  EXPECT_EQ(log.writer().tail().offset, 0u);
  log.committed("few");
}

TEST(LogWriter, NeedleLongerThanAVolumeIsRefused) {
  LogStore log(memory());
  log.start(test::before_first(), Epoch(1));
  EXPECT_EQ(log.append(std::string(kVolumeBytesMin, 's'), InodeId(0), NeedleKind::snapshot).code(), EFBIG);
}

TEST(LogWriter, ResumeWithoutRoomForATxnNeedleIsDamage) {
  LogStore log(memory());
  TxnRef last = test::before_first();
  last.resume.offset = test::kVolumeBytes - kBlockBytes;
  log.start(last, Epoch(1));
  EXPECT_EQ(log.writer().failure().code(), EUCLEAN);
  EXPECT_EQ(log.append("x").code(), EUCLEAN);
  EXPECT_EQ(log.commit("x").code(), EUCLEAN);
}

TEST(LogWriter, ManyThreadsAppendAndEachFindsItsOwn) {
  LogStore log(memory());
  log.start(test::before_first(), Epoch(1));
  NeedleReader reader(log.volumes(), test::log_store_uuid(), &log.writer(), 1 << 20);
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (std::uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      Random random(100 + t);
      for (int i = 0; i < 60; ++i) {
        const std::string payload = random.bytes(1 + random.below(20000));
        const auto place = log.append(payload, InodeId(t));
        std::string got(payload.size(), '\0');
        if (!place.ok() || !reader.read(*place, 0, std::as_writable_bytes(std::span(got))).ok() ||
            got != payload) {
          ++wrong;
        }
        log.writer().throttle();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  log.committed("all");
  const test::ReadLog read = log.read_log();
  EXPECT_EQ(read.end, 0);
  ASSERT_EQ(read.batches.size(), 1u);
  std::uint64_t needles = 0;
  for (const BatchRange& range : read.batches[0].ranges) needles += range.needles;
  EXPECT_EQ(needles, 240u);
}

TEST(LogWriter, ReportsItsRoomToThePool) {
  LogStore log(memory());
  log.start(test::before_first(), Epoch(1));
  const std::uint64_t before = log.pool().space().bytes_available;
  ASSERT_TRUE(log.append(std::string(50000, 'x')).ok());
  const std::uint64_t after = log.pool().space().bytes_available;
  EXPECT_GE(before - after, 50000u);
  EXPECT_LE(before - after, needle_bytes_bound(50000));
}

// Many small commits and a few large ones, to a file; the bytes that went to it.
std::uint64_t bytes_written_with_window(std::uint64_t zero_window_bytes) {
  const test::TempDirectory directory;
  const std::string path = directory / "image";
  std::ofstream(path).close();
  std::filesystem::resize_file(path, test::kDeviceBytes);
  std::shared_ptr<FileDevice> file = FileDevice::open(path, FileDevice::Access::read_write).value();
  LogStore log(file);
  log.limits.zero_window_bytes = zero_window_bytes;
  log.start(test::before_first(), Epoch(1));
  Random random(17);
  std::vector<std::pair<std::string, NeedlePlace>> needles;
  const auto append = [&](std::size_t bytes) {
    const std::string payload = random.bytes(bytes);
    needles.emplace_back(payload, log.append(payload).value());
  };
  for (int batch = 0; batch < 150; ++batch) {
    append(1 + random.below(100));
    auto sealed = log.writer().cut(as_bytes("r"), false);
    EXPECT_TRUE(sealed.ok());
    // The next batch fills chunks while zeros may be under way to the blocks that it is about to take.
    std::thread committing([&] { EXPECT_TRUE(log.writer().commit(*std::move(sealed)).ok()); });
    for (int i = 0; i < 4 && batch % 10 == 9; ++i) append(65000);
    committing.join();
  }
  log.committed("last");
  EXPECT_EQ(log.read_log().batches.size(), 151u);
  for (const auto& [payload, place] : needles) EXPECT_EQ(read_back(log, place), payload);
  return log.writer().stats().bytes_written;
}

TEST(LogWriter, ZerosAheadOfSmallCommitsNeverLieOverNeedles) {
  EXPECT_GT(bytes_written_with_window(8 * kBlockBytes), bytes_written_with_window(0));
}

TEST(ZeroWindow, OpensAtTheSecondSmallCommitInARow) {
  ZeroWindow window(64 * kBlockBytes);
  const VolumePosition tail{VolumeId(1), Generation(1), 5000};
  EXPECT_FALSE(window.extend(tail, kVolumeBytesMin, 100).has_value());
  const auto range = window.extend(tail, kVolumeBytesMin, 100);
  ASSERT_TRUE(range.has_value());
  EXPECT_EQ(range->begin.offset, 2 * kBlockBytes);
  EXPECT_EQ(range->end, 66 * kBlockBytes);
}

TEST(ZeroWindow, IsExtendedOnlyWhenItsEndIsNear) {
  ZeroWindow window(64 * kBlockBytes);
  VolumePosition tail{VolumeId(1), Generation(1), 0};
  window.extend(tail, kVolumeBytesMin, 100);
  ASSERT_TRUE(window.extend(tail, kVolumeBytesMin, 100).has_value());
  tail.offset = 48 * kBlockBytes;
  EXPECT_FALSE(window.extend(tail, kVolumeBytesMin, 100).has_value());
  tail.offset = 49 * kBlockBytes;
  const auto range = window.extend(tail, kVolumeBytesMin, 100);
  ASSERT_TRUE(range.has_value());
  EXPECT_EQ(range->begin.offset, 64 * kBlockBytes);
  EXPECT_EQ(range->end, 113 * kBlockBytes);
}

TEST(ZeroWindow, NeverPassesTheVolumesEnd) {
  ZeroWindow window(64 * kBlockBytes);
  const VolumePosition tail{VolumeId(1), Generation(1), kVolumeBytesMin - 2 * kBlockBytes};
  window.extend(tail, kVolumeBytesMin, 100);
  EXPECT_EQ(window.extend(tail, kVolumeBytesMin, 100)->end, kVolumeBytesMin);
  EXPECT_FALSE(
      window.extend({VolumeId(1), Generation(1), kVolumeBytesMin}, kVolumeBytesMin, 100).has_value());
}

TEST(ZeroWindow, LargeCommitsDoWithout) {
  ZeroWindow window(64 * kBlockBytes);
  const VolumePosition tail{VolumeId(1), Generation(1), 0};
  for (int i = 0; i < 5; ++i)
    EXPECT_FALSE(window.extend(tail, kVolumeBytesMin, 16 * kBlockBytes).has_value());
}

}  // namespace
}  // namespace ciaos::store
