// A volume is given back once, however far the index is behind (invariant 3).
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <thread>

#include "base/mutex.h"
#include "meta/connection.h"
#include "store/format.h"
#include "support/engine_fixture.h"
#include "support/random.h"

namespace ciaos::test {
namespace {

constexpr StoreShape kSmall{.volumes = 24};
constexpr std::size_t kFileBytes = 50'000;

class GivenBack : public EngineTest {
 protected:
  GivenBack() : EngineTest(kSmall) {}

  // Windows of one text, no two alike: making bytes must not take the time while the index is held.
  std::string contents_of(int file) const { return text_.substr(static_cast<std::size_t>(file), kFileBytes); }
  static std::string path_of(int file) { return "/" + std::to_string(file); }
  void put(int begin, int end) {
    for (int file = begin; file < end; ++file) ASSERT_EQ(shell().put(path_of(file), contents_of(file)), 0);
    ASSERT_EQ(store->commit().code(), 0);
  }
  static std::uint64_t slot_at(std::uint64_t offset) {
    return (offset - store::kSlotsBegin) / kSmall.volume_bytes;
  }

  // From the first time on that a slot with needles in it is discarded, nobody can write the index.
  void hold_index_at_first_give_back() {
    InterposedDevice::Hooks hooks;
    hooks.before_write = [this](std::uint64_t offset, ByteSpan) -> Status {
      MutexLock lock(mutex_);
      if (offset >= store::kSlotsBegin)
        written_.insert(slot_at(offset));
      else
        held_.reset();  // a snapshot is named, behind which the index is synced
      return {};
    };
    hooks.before_discard = [this](std::uint64_t offset, std::uint64_t) -> Status {
      MutexLock lock(mutex_);
      if (written_.erase(slot_at(offset)) == 0 || was_held_) return {};
      was_held_ = true;
      held_.emplace(TRY(meta::Connection::open(store.options.index_directory + "/index.sqlite",
                                               meta::Connection::Access::write)));
      return held_->execute("BEGIN IMMEDIATE");
    };
    store.device().set_hooks(hooks);
  }
  bool was_held() {
    MutexLock lock(mutex_);
    return was_held_;
  }
  void let_index_go() {
    MutexLock lock(mutex_);
    held_.reset();
  }

  const std::string text_ = Random(1).bytes(2 * kFileBytes);
  Mutex mutex_;
  std::set<std::uint64_t> written_ GUARDED_BY(mutex_);  // slots, since they were discarded
  bool was_held_ GUARDED_BY(mutex_) = false;
  std::optional<meta::Connection> held_ GUARDED_BY(mutex_);
};

TEST_F(GivenBack, AVolumeIsGivenBackOnceThoughTheIndexShowsItStill) {
  store.kill();
  store.options.background = true;
  store.options.compact_bytes_per_second = 0;
  hold_index_at_first_give_back();
  store.open();
  constexpr int kOld = 80;
  put(0, kOld);
  for (int file = 0; file < kOld; ++file) ASSERT_EQ(shell().rm(path_of(file)), 0);
  ASSERT_EQ(store->commit().code(), 0);
  while (!was_held() || store->statistics().volumes_freed < 2) std::this_thread::yield();
  // They go where the old ones were, until a write finds no room and looks for volumes to be given back.
  int end = kOld;
  const auto begun = std::chrono::steady_clock::now();
  while (shell().put(path_of(end), contents_of(end)) == 0) ++end;
  let_index_go();
  // After ten seconds the index thread takes the lock for a failure, and says so.
  if (std::chrono::steady_clock::now() - begun > std::chrono::seconds(5))
    GTEST_SKIP() << "this machine is too busy to fill a store while the index is held";
  ASSERT_GT(end, 3 * kOld);
  for (int round = 0; round < 2; ++round) {
    for (int file = kOld; file < end; ++file)
      ASSERT_TRUE(shell().cat(path_of(file)) == contents_of(file)) << file;
    store.reopen();
  }
}

}  // namespace
}  // namespace ciaos::test
