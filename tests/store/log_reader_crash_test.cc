// Invariants 1 and 5: whatever a power cut leaves of unsynced sectors, the log that is read back holds every batch whose
// commit returned, no half of any other, and nothing that was never written.
#include <gtest/gtest.h>

#include <algorithm>

#include "log_store.h"
#include "store/memory_device.h"
#include "support/crash_device.h"

namespace ciaos::store {
namespace {

using test::CrashDevice;
using test::CrashPlan;
using test::LogStore;
using test::Random;
using test::ReadLog;
using test::text_of;

struct WrittenBatch {
  std::string records;
  std::vector<std::pair<NeedlePlace, std::string>> needles;
};

struct History {
  std::vector<WrittenBatch> batches;  // as far as they were cut, in the log's order
  std::size_t acknowledged = 0;

  // Appends and commits one batch; false once the device gave up.
  bool write(LogStore& log, Random& random, bool opening) {
    WrittenBatch batch;
    batch.records = random.bytes(random.below(random.chance(20) ? 60000 : 300));
    const std::uint64_t count = opening ? 0 : random.below(6);
    for (std::uint64_t i = 0; i < count; ++i) {
      std::string payload = random.bytes(1 + random.below(random.chance(60) ? 3000 : 65536));
      const auto place = log.append(payload);
      if (!place.ok()) return false;
      batch.needles.emplace_back(*place, std::move(payload));
    }
    batches.push_back(batch);
    if (!log.commit(batch.records, opening).ok()) return false;
    acknowledged = batches.size();
    return true;
  }

  // What is read is a beginning of what was written, with all that was acknowledged; all else is forgotten.
  void expect(LogStore& log, const ReadLog& read) {
    ASSERT_EQ(read.end, 0);
    ASSERT_GE(read.batches.size(), acknowledged);
    ASSERT_LE(read.batches.size(), batches.size());
    batches.resize(read.batches.size());
    for (std::size_t i = 0; i < batches.size(); ++i) {
      ASSERT_EQ(text_of(read.batches[i]), batches[i].records) << "batch " << i;
      for (const auto& [place, payload] : batches[i].needles) {
        const auto needle = read_needle(log.volumes(), test::log_store_uuid(), place);
        ASSERT_TRUE(needle.ok()) << "batch " << i << ": " << to_string(needle.error());
        ASSERT_EQ(as_text(needle->payload), payload);
      }
    }
  }
};

std::uint32_t slots_used(const ReadLog& read) {
  std::uint32_t highest = slot_of(read.last.resume.volume);
  for (const LogBatch& batch : read.batches) {
    highest = std::max(highest, slot_of(batch.ref.at.volume));
    for (const BatchRange& range : batch.ranges) highest = std::max(highest, slot_of(range.volume));
  }
  return highest + 1;
}

// Six batches, the third so long that data moves on to another volume, until the power goes.
void write_six(LogStore& log, History& history) {
  Random random(4711);
  log.start(test::before_first(), Epoch(1));
  for (int i = 0; i < 6; ++i) {
    while (i == 2 && log.writer().tail().volume == VolumeId(0)) {
      if (!log.append(std::string(60000, 'x')).ok()) return;
    }
    if (!history.write(log, random, false)) return;
  }
}

template <typename Arm>
void expect_recovery_after(Arm arm, std::uint64_t calls) {
  for (std::uint64_t n = 1; n <= calls; ++n) {
    SCOPED_TRACE("call " + std::to_string(n));
    const auto plan = std::make_shared<CrashPlan>();
    const auto device = std::make_shared<CrashDevice>(test::kDeviceBytes, plan);
    History history;
    {
      LogStore log(device);
      arm(*plan, n);
      write_six(log, history);
    }
    for (const std::uint64_t seed : {CrashDevice::kDropAll, CrashDevice::kKeepAll, std::uint64_t{2}, 3 + n}) {
      SCOPED_TRACE("survivor " + std::to_string(seed));
      LogStore log(device->survivor(seed), false);
      History expected = history;
      expected.expect(log, log.read_log());
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(LogCrash, PowerCutWhenAnySyncBegins) {
  expect_recovery_after(
      [](CrashPlan& plan, std::uint64_t n) {
        plan.cut_at_sync(plan.syncs() + n, CrashPlan::Cut::when_sync_begins);
      },
      6);
}

TEST(LogCrash, PowerCutAfterAnySyncReturns) {
  expect_recovery_after(
      [](CrashPlan& plan, std::uint64_t n) {
        plan.cut_at_sync(plan.syncs() + n, CrashPlan::Cut::after_sync_returns);
      },
      6);
}

TEST(LogCrash, PowerCutAtAnyWrite) {
  expect_recovery_after([](CrashPlan& plan, std::uint64_t n) { plan.cut_at_write(plan.writes() + n); }, 24);
}

TEST(LogCrash, FailedSyncFollowedByAPowerCut) {
  expect_recovery_after([](CrashPlan& plan, std::uint64_t n) { plan.fail_sync(plan.syncs() + n); }, 6);
}

// Several lives of one store: each recovers, opens with an epoch of its own, writes and loses power again.
TEST(LogCrash, ManyLivesKeepEveryAcknowledgedBatch) {
  const test::SeedRange seeds = test::seeds_to_run(25);
  for (std::uint64_t seed = seeds.begin; seed < seeds.end; ++seed) {
    SCOPED_TRACE("CIAOS_SEED=" + std::to_string(seed));
    Random random(seed);
    History history;
    auto image = std::make_shared<MemoryDevice>(test::kDeviceBytes);
    test::put_superblock(image);
    for (std::uint64_t life = 1; life <= 6; ++life) {
      SCOPED_TRACE("life " + std::to_string(life));
      const auto plan = std::make_shared<CrashPlan>();
      const auto device = std::make_shared<CrashDevice>(image, plan);
      LogStore log(device, false);
      const ReadLog read = log.read_log();
      history.expect(log, read);
      if (HasFatalFailure()) return;
      if (random.chance(50)) {
        plan->cut_at_write(1 + random.below(12));
      } else {
        plan->cut_at_sync(1 + random.below(6), random.chance(50) ? CrashPlan::Cut::when_sync_begins
                                                                 : CrashPlan::Cut::after_sync_returns);
      }
      if (log.volumes().sync_all().ok()) {
        history.acknowledged = history.batches.size();
        log.start(read.last, Epoch(life), slots_used(read));
        for (int i = 0; i < 8 && history.write(log, random, i == 0); ++i) {
        }
        log.stop();
      }
      image = device->survivor(random.next());
    }
  }
}

}  // namespace
}  // namespace ciaos::store
