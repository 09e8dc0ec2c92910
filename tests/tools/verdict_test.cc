// What `ciaosctl explain` says holds a job up.
#include "tools/ctl/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/clock.h"
#include "rpc/operation_records.h"
#include "rpc/state_records.h"
#include "support/engine_fixture.h"

namespace ciaos::ctl {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kSecond = 1000 * kMs;

double share_of(const Verdict& verdict, std::string_view name) {
  for (const Part& part : verdict.parts) {
    if (part.name == name) return part.share;
  }
  return 0;
}

TEST(Verdict, NobodyAsks) {
  const Verdict verdict = verdict_on({.wall_ns = kSecond});
  EXPECT_EQ(verdict.bottleneck, Bottleneck::nothing);
  EXPECT_EQ(share_of(verdict, "waiting for the next request"), 1.0);
}

TEST(Verdict, TheJobComputes) {
  const Verdict verdict =
      verdict_on({.wall_ns = kSecond, .requests = 100, .request_ns = 50 * kMs, .job_cpu_ns = 900 * kMs});
  EXPECT_EQ(verdict.bottleneck, Bottleneck::job);
  EXPECT_THAT(verdict.sentence, HasSubstr("for 95% of the time"));
  EXPECT_THAT(verdict.sentence, HasSubstr("0.9 processors"));
}

TEST(Verdict, OneReaderWaitsForAFastDevice) {
  const Verdict verdict = verdict_on({.wall_ns = kSecond,
                                      .requests = 9000,
                                      .request_ns = 900 * kMs,
                                      .read_ns = 850 * kMs,
                                      .reads = 8000,
                                      .device_reads = 8000,
                                      .device_ns = 720 * kMs});
  EXPECT_EQ(verdict.bottleneck, Bottleneck::one_at_a_time);
  EXPECT_NEAR(share_of(verdict, "device"), 0.72, 0.01);
  EXPECT_NEAR(share_of(verdict, "daemon"), 0.18, 0.01);
  EXPECT_NEAR(share_of(verdict, "waiting for the next request"), 0.1, 0.01);
}

TEST(Verdict, ASlowDeviceIsSlowForOneAndForMany) {
  for (const std::uint64_t readers : {1, 8}) {
    const Verdict verdict = verdict_on({.wall_ns = kSecond,
                                        .requests = 60 * readers,
                                        .request_ns = readers * 990 * kMs,
                                        .device_reads = 60 * readers,
                                        .device_ns = readers * 980 * kMs});
    EXPECT_EQ(verdict.bottleneck, Bottleneck::device) << readers;
    EXPECT_THAT(verdict.sentence, HasSubstr("The device is slow")) << readers;
  }
}

TEST(Verdict, ManyReadersKeepAFastDeviceBusy) {
  const Verdict verdict = verdict_on({.wall_ns = kSecond,
                                      .requests = 80'000,
                                      .request_ns = 8 * kSecond,
                                      .device_reads = 80'000,
                                      .device_ns = 7 * kSecond});
  EXPECT_EQ(verdict.bottleneck, Bottleneck::device);
  EXPECT_THAT(verdict.sentence, HasSubstr("8.0 at a time"));
}

TEST(Verdict, TheIndexIsAskedWhereTheCacheIsTooSmall) {
  Work work{.wall_ns = kSecond,
            .requests = 10'000,
            .request_ns = 950 * kMs,
            .index_reads = 20'000,
            .index_ns = 700 * kMs,
            .cache_bytes = 9u << 20,
            .cache_bytes_max = 10u << 20};
  EXPECT_EQ(verdict_on(work).bottleneck, Bottleneck::small_cache);
  EXPECT_THAT(verdict_on(work).sentence, HasSubstr("mem="));
  work.cache_bytes_max = 1u << 30;
  EXPECT_EQ(verdict_on(work).bottleneck, Bottleneck::index);
}

TEST(Verdict, SyncsAndWhatIsLeft) {
  EXPECT_EQ(verdict_on({.wall_ns = kSecond,
                        .requests = 200,
                        .request_ns = 900 * kMs,
                        .sync_ns = 800 * kMs,
                        .commits = 100})
                .bottleneck,
            Bottleneck::sync);
  EXPECT_EQ(verdict_on({.wall_ns = kSecond, .requests = 90'000, .request_ns = 900 * kMs}).bottleneck,
            Bottleneck::daemon);
  EXPECT_EQ(verdict_on({.wall_ns = kSecond,
                        .requests = 9000,
                        .request_ns = 900 * kMs,
                        .device_ns = 100 * kMs,
                        .verify_ns = 500 * kMs})
                .bottleneck,
            Bottleneck::checksum);
}

// The scrubber reads beside the job, and is not the job's.
TEST(Verdict, PartsAreNeverMoreThanTheWhole) {
  const Verdict verdict = verdict_on({.wall_ns = kSecond,
                                      .requests = 1000,
                                      .request_ns = 500 * kMs,
                                      .device_ns = 5 * kSecond,
                                      .verify_ns = kSecond,
                                      .index_ns = kSecond});
  double sum = 0;
  for (const Part& part : verdict.parts) sum += part.share;
  EXPECT_NEAR(sum, 1.0, 0.02);
}

TEST(Verdict, OperationsComeOverTheWireAsTheyWere) {
  OperationTimes times;
  times.add(1, 5'000'000, 100);
  times.add(1, 70'000, 50);
  const OperationTotals before = times.of(1);
  const rpc::Record earlier = rpc::operation_record("read", before);
  EXPECT_EQ(rpc::totals_of(earlier).buckets, before.buckets);
  times.add(1, 3'000'000, 10);
  const Work work = work_between({earlier}, {rpc::operation_record("read", times.of(1))}, kSecond);
  EXPECT_EQ(work.requests, 1u);
  EXPECT_EQ(work.read_ns, 3'000'000u);
  EXPECT_EQ(work.bytes, 10u);
  rpc::Record nonsense{"operation", {}};
  nonsense.add("buckets", std::string("x 1: :2 999999:1 5:7 6:9x"));
  EXPECT_EQ(rpc::totals_of(nonsense).count(), 7u);
}

// An engine on a device that is made slow: what it counts leads to the verdict.
class InjectedVerdict : public test::EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    for (int i = 0; i < kFiles; ++i) ASSERT_EQ(shell().put("/f" + std::to_string(i), test::pattern(5000)), 0);
    ASSERT_TRUE(store->commit().ok());
    ASSERT_TRUE(store->settle().ok());
  }
  // Each file by one of `readers`, as a mount would ask for it.
  Verdict read_all(int readers) {
    const rpc::Records before = rpc::state_records(store.engine()).value();
    OperationTimes times;
    const std::uint64_t begun_ns = monotonic_ns();
    std::vector<std::thread> threads;
    for (int r = 0; r < readers; ++r) {
      threads.emplace_back([&, r] {
        for (int i = r; i < kFiles; i += readers) {
          const std::uint64_t request_ns = monotonic_ns();
          EXPECT_EQ(shell().cat("/f" + std::to_string(i)).size(), 5000u);
          times.add(0, monotonic_ns() - request_ns, 5000);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    rpc::Records after = rpc::state_records(store.engine()).value();
    after.push_back(rpc::operation_record("read", times.of(0)));
    return verdict_on(work_between(before, after, monotonic_ns() - begun_ns));
  }
  // Not by sleeping: on a busy machine who sleeps for a moment wakes up much later.
  void delay_reads(std::uint64_t nanoseconds) {
    store.device().set_hooks({.before_read = [nanoseconds](std::uint64_t, std::uint64_t) {
      const std::uint64_t begun_ns = monotonic_ns();
      while (monotonic_ns() - begun_ns < nanoseconds) {
      }
      return Status();
    }});
  }
  static constexpr int kFiles = 24;
};

TEST_F(InjectedVerdict, ASlowDeviceIsNamed) {
  delay_reads(8 * kMs);
  const Verdict verdict = read_all(4);
  EXPECT_EQ(verdict.bottleneck, Bottleneck::device) << verdict.sentence;
  EXPECT_THAT(verdict.sentence, HasSubstr("The device is slow"));
}

// Names and attributes of more files than the cache holds, in the order in which it has just let go of them.
TEST_F(InjectedVerdict, ACacheThatIsTooSmallIsNamed) {
  for (int i = 0; i < 3000; ++i) ASSERT_EQ(shell().put("/many" + std::to_string(i), ""), 0);
  std::vector<InodeId> inodes;
  for (int i = 0; i < 3000; ++i) inodes.push_back(shell().inode("/many" + std::to_string(i)));
  ASSERT_TRUE(store.close().ok());
  store.options.inode_cache_bytes = 600u << 10;
  store.open();
  for (int i = 0; i < 3000; ++i) ASSERT_TRUE(shell().exists("/many" + std::to_string(i)));
  const rpc::Records before = rpc::state_records(store.engine()).value();
  OperationTimes times;
  const std::uint64_t begun_ns = monotonic_ns();
  for (const InodeId inode : inodes) {
    const std::uint64_t request_ns = monotonic_ns();
    ASSERT_TRUE(store->getattr(inode).ok());
    times.add(0, monotonic_ns() - request_ns, 0);
  }
  rpc::Records after = rpc::state_records(store.engine()).value();
  after.push_back(rpc::operation_record("getattr", times.of(0)));
  const Verdict verdict = verdict_on(work_between(before, after, monotonic_ns() - begun_ns));
  EXPECT_EQ(verdict.bottleneck, Bottleneck::small_cache) << verdict.sentence;
}

// A busy machine may take the processor away in the middle of a look that is this short; then another look is taken.
TEST_F(InjectedVerdict, OneReaderIsNamed) {
  delay_reads(kMs / 2);
  Verdict verdict = read_all(1);
  for (int looks = 1; looks < 20 && verdict.bottleneck != Bottleneck::one_at_a_time; ++looks)
    verdict = read_all(1);
  EXPECT_EQ(verdict.bottleneck, Bottleneck::one_at_a_time) << verdict.sentence;
}

}  // namespace
}  // namespace ciaos::ctl
