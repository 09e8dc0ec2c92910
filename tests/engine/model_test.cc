// The engine against an obvious model: random operations, every answer and then the whole tree compared.
//
// CIAOS_SEED=n repeats the run that failed, CIAOS_SEEDS=n makes more of them.
#include <gtest/gtest.h>

#include <string>

#include "support/random.h"
#include "support/random_run.h"
#include "support/test_store.h"

namespace ciaos::test {
namespace {

TEST(Model, TheTreeIsTheModelsAfterEachStep) {
  const SeedRange seeds = seeds_to_run(150);
  for (std::uint64_t seed = seeds.begin; seed < seeds.end; ++seed) {
    SCOPED_TRACE("CIAOS_SEED=" + std::to_string(seed));
    TestStore store;
    ASSERT_NO_FATAL_FAILURE(store.open());
    if (seed % 2 == 0) ASSERT_NO_FATAL_FAILURE(count_usage(store));
    RandomRun run(store, seed, {});
    for (int step = 0; step < 60 && !run.failed(); ++step) {
      run.step();
      if (!run.failed()) run.check_tree();
    }
    ASSERT_FALSE(run.failed());
  }
}

TEST(Model, LongRunsStayInStep) {
  const SeedRange seeds = seeds_to_run(4);
  for (std::uint64_t seed = seeds.begin; seed < seeds.end; ++seed) {
    SCOPED_TRACE("CIAOS_SEED=" + std::to_string(seed));
    TestStore store({.volume_bytes = 4u << 20, .volumes = 64});
    ASSERT_NO_FATAL_FAILURE(store.open());
    if (seed % 2 == 0) ASSERT_NO_FATAL_FAILURE(count_usage(store));
    RandomRun run(store, seed, {});
    for (int step = 1; step <= 1500 && !run.failed(); ++step) {
      run.step();
      if (!run.failed() && step % 50 == 0) run.check_tree();
    }
    ASSERT_FALSE(run.failed());
  }
}

// Small caches and buffers: everything is evicted, flushed and read again all the time.
TEST(Model, NothingDependsOnWhatIsInMemory) {
  const SeedRange seeds = seeds_to_run(30);
  for (std::uint64_t seed = seeds.begin; seed < seeds.end; ++seed) {
    SCOPED_TRACE("CIAOS_SEED=" + std::to_string(seed));
    TestStore store;
    store.options.dirty_bytes_max = 64 << 10;
    store.options.inode_cache_bytes = 16 << 10;
    store.options.header_cache_bytes = 4 << 10;
    ASSERT_NO_FATAL_FAILURE(store.open());
    if (seed % 2 == 0) ASSERT_NO_FATAL_FAILURE(count_usage(store));
    RandomRun run(store, seed, {});
    for (int step = 1; step <= 150 && !run.failed(); ++step) {
      run.step();
      if (!run.failed() && step % 10 == 0) run.check_tree();
    }
    ASSERT_FALSE(run.failed());
  }
}

// The index thread applies while operations go on; answers must not depend on how far it is.
TEST(Model, TheBackgroundChangesNoAnswer) {
  const SeedRange seeds = seeds_to_run(20);
  for (std::uint64_t seed = seeds.begin; seed < seeds.end; ++seed) {
    SCOPED_TRACE("CIAOS_SEED=" + std::to_string(seed));
    TestStore store;
    store.options.background = true;
    store.options.commit_interval_ms = 5;
    ASSERT_NO_FATAL_FAILURE(store.open());
    RandomRun run(store, seed, {});
    for (int step = 1; step <= 150 && !run.failed(); ++step) {
      run.step();
      if (!run.failed() && step % 10 == 0) run.check_tree();
    }
    ASSERT_FALSE(run.failed());
  }
}

}  // namespace
}  // namespace ciaos::test
