// A device in memory that loses power: reads see every write, a survivor sees what the disk may have kept.
//
// The fault model (doc/testing.md) in one place. Until a sync that began after a write had returned has itself
// returned, each 512-byte sector of the write may be there, be missing, hold an older unsynced version, or hold
// noise; sectors choose by themselves. After a sync that failed, the writes it should have covered are never
// covered by a later one, though that one says so: as with the page cache, which forgets what it could not write.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "base/mutex.h"
#include "store/device.h"
#include "store/memory_device.h"

namespace ciaos::test {

// Says when the power goes and which calls fail; shared by all devices of one machine. Calls count from 1, over all
// of them, from the plan's making. Thread-safe.
class CrashPlan {
 public:
  enum class Cut {
    when_sync_begins,   // the sync fails and covers nothing
    after_sync_returns  // the sync succeeds, and is the last call that does
  };
  void cut_at_sync(std::uint64_t n, Cut cut) EXCLUDES(mutex_);
  // The n-th write fails and changes nothing, and so does every call after it.
  void cut_at_write(std::uint64_t n) EXCLUDES(mutex_);
  void cut_now() EXCLUDES(mutex_);
  bool is_cut() const EXCLUDES(mutex_);

  // One call fails with EIO; the power stays on.
  void fail_write(std::uint64_t n) EXCLUDES(mutex_);
  void fail_sync(std::uint64_t n) EXCLUDES(mutex_);

  std::uint64_t reads() const EXCLUDES(mutex_);
  std::uint64_t writes() const EXCLUDES(mutex_);
  std::uint64_t syncs() const EXCLUDES(mutex_);

 private:
  friend class CrashDevice;
  Status on_read() EXCLUDES(mutex_);
  Status on_write() EXCLUDES(mutex_);
  Status on_discard() EXCLUDES(mutex_);
  // What a sync that begins now comes to.
  enum class SyncFate { succeeds, fails, power_is_off };
  SyncFate on_sync() EXCLUDES(mutex_);
  // False when the power went while the sync ran.
  bool sync_may_return() EXCLUDES(mutex_);

  mutable Mutex mutex_;
  bool cut_ GUARDED_BY(mutex_) = false;
  std::uint64_t reads_ GUARDED_BY(mutex_) = 0;
  std::uint64_t writes_ GUARDED_BY(mutex_) = 0;
  std::uint64_t syncs_ GUARDED_BY(mutex_) = 0;
  std::optional<std::uint64_t> cut_at_write_ GUARDED_BY(mutex_);
  std::optional<std::uint64_t> cut_when_sync_begins_ GUARDED_BY(mutex_);
  std::optional<std::uint64_t> cut_after_sync_ GUARDED_BY(mutex_);
  std::set<std::uint64_t> failing_writes_ GUARDED_BY(mutex_);
  std::set<std::uint64_t> failing_syncs_ GUARDED_BY(mutex_);
};

// Thread-safe.
class CrashDevice final : public store::Device {
 public:
  static constexpr std::uint32_t kSectorBytes = 512;
  // Survivors of these two seeds are the extremes; every other seed mixes.
  static constexpr std::uint64_t kDropAll = 0;
  static constexpr std::uint64_t kKeepAll = 1;

  CrashDevice(std::uint64_t bytes, std::shared_ptr<CrashPlan> plan);
  // The machine starts again with what survived: all of `image` is durable. It is written from now on.
  CrashDevice(std::shared_ptr<store::MemoryDevice> image, std::shared_ptr<CrashPlan> plan);

  std::uint64_t size() const override { return current_->size(); }
  std::uint32_t alignment() const override { return kSectorBytes; }
  Status read(std::uint64_t offset, MutableByteSpan into) override EXCLUDES(mutex_);
  Status write(std::uint64_t offset, ByteSpan from) override EXCLUDES(mutex_);
  Status sync() override EXCLUDES(mutex_);
  // Each sector keeps its bytes, turns to zeros or to noise, as an unsynced write would.
  Status discard(std::uint64_t offset, std::uint64_t bytes) override EXCLUDES(mutex_);
  std::string name() const override { return "crash device"; }

  // Reads that touch [begin, end) fail with EIO. One range; the last call holds.
  void fail_reads_in(std::uint64_t begin, std::uint64_t end) EXCLUDES(mutex_);
  // What a disk may hold after power came back; the same for the same history and seed. Call it when nobody writes.
  std::shared_ptr<store::MemoryDevice> survivor(std::uint64_t seed) const EXCLUDES(mutex_);
  // Sectors that a crash now could change.
  std::size_t unsynced_sectors() const EXCLUDES(mutex_);

 private:
  using Sector = std::vector<std::byte>;
  struct Version {
    std::uint64_t write = 0;  // number of the write that made it
    bool lost = false;        // a failed sync was to cover it; no later one does
    Sector bytes;
  };
  struct DirtySector {
    Sector durable;
    std::deque<Version> versions;  // oldest first, the last is what reads see
  };
  struct Mark {
    std::uint64_t last_write = 0;
    std::set<std::uint64_t> running;
    bool covers(std::uint64_t write) const { return write <= last_write && !running.contains(write); }
  };

  void put_sector(std::uint64_t sector, ByteSpan bytes, std::uint64_t write) REQUIRES(mutex_);
  Sector sector_bytes(std::uint64_t sector) const REQUIRES(mutex_);
  void make_durable(const Mark& mark) REQUIRES(mutex_);
  void lose(const Mark& mark) REQUIRES(mutex_);

  const std::shared_ptr<store::MemoryDevice> current_;
  const std::shared_ptr<CrashPlan> plan_;
  mutable Mutex mutex_;
  std::uint64_t last_write_ GUARDED_BY(mutex_) = 0;
  std::set<std::uint64_t> running_ GUARDED_BY(mutex_);
  std::map<std::uint64_t, DirtySector> dirty_ GUARDED_BY(mutex_);
  std::uint64_t failing_begin_ GUARDED_BY(mutex_) = 0;
  std::uint64_t failing_end_ GUARDED_BY(mutex_) = 0;
};

}  // namespace ciaos::test
