#include "support/crash_device.h"

#include <algorithm>
#include <cstring>
#include <thread>
#include <utility>

namespace ciaos::test {

namespace {

constexpr std::uint64_t kCopyBytes = 64 * 1024;

// SplitMix64: a number stream that is the same on every machine.
class Dice {
 public:
  Dice(std::uint64_t seed, std::uint64_t sector) : state_(seed * 0x9E3779B97F4A7C15ull ^ sector << 20) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  }
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }

 private:
  std::uint64_t state_;
};

// Each byte equals the next one and the first is zero: memcmp is fast under sanitizers too, a loop is not.
bool is_zero(ByteSpan bytes) {
  return bytes.empty() ||
         (bytes[0] == std::byte{0} && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

void fill_with_noise(std::vector<std::byte>& bytes, Dice& dice) {
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(std::uint64_t)) {
    const std::uint64_t noise = dice.next();
    std::memcpy(bytes.data() + at, &noise, std::min(sizeof(noise), bytes.size() - at));
  }
}

Error power_is_off() { return fail(EIO, "crash device: the power is off"); }
Error injected(const char* call) {
  return fail(EIO, std::string("crash device: injected failure of a ") + call);
}

// A disk's habits differ by crash: the seed says how often a sector keeps its newest bytes.
std::uint64_t kept_of_ten(std::uint64_t seed) { return Dice(seed, ~0ull).below(9) + 1; }

}  // namespace

void CrashPlan::cut_at_sync(std::uint64_t n, Cut cut) {
  MutexLock lock(mutex_);
  (cut == Cut::when_sync_begins ? cut_when_sync_begins_ : cut_after_sync_) = n;
}

void CrashPlan::cut_at_write(std::uint64_t n) {
  MutexLock lock(mutex_);
  cut_at_write_ = n;
}

void CrashPlan::cut_now() {
  MutexLock lock(mutex_);
  cut_ = true;
}

bool CrashPlan::is_cut() const {
  MutexLock lock(mutex_);
  return cut_;
}

void CrashPlan::fail_write(std::uint64_t n) {
  MutexLock lock(mutex_);
  failing_writes_.insert(n);
}

void CrashPlan::fail_sync(std::uint64_t n) {
  MutexLock lock(mutex_);
  failing_syncs_.insert(n);
}

std::uint64_t CrashPlan::reads() const {
  MutexLock lock(mutex_);
  return reads_;
}

std::uint64_t CrashPlan::writes() const {
  MutexLock lock(mutex_);
  return writes_;
}

std::uint64_t CrashPlan::syncs() const {
  MutexLock lock(mutex_);
  return syncs_;
}

Status CrashPlan::on_read() {
  MutexLock lock(mutex_);
  if (cut_) return power_is_off();
  ++reads_;
  return {};
}

Status CrashPlan::on_write() {
  MutexLock lock(mutex_);
  if (cut_) return power_is_off();
  ++writes_;
  if (cut_at_write_ == writes_) {
    cut_ = true;
    return power_is_off();
  }
  if (failing_writes_.contains(writes_)) return injected("write");
  return {};
}

Status CrashPlan::on_discard() {
  MutexLock lock(mutex_);
  if (cut_) return power_is_off();
  return {};
}

CrashPlan::SyncFate CrashPlan::on_sync() {
  MutexLock lock(mutex_);
  if (cut_) return SyncFate::power_is_off;
  ++syncs_;
  if (cut_when_sync_begins_ == syncs_) {
    cut_ = true;
    return SyncFate::power_is_off;
  }
  return failing_syncs_.contains(syncs_) ? SyncFate::fails : SyncFate::succeeds;
}

bool CrashPlan::sync_may_return() {
  MutexLock lock(mutex_);
  if (cut_) return false;
  if (cut_after_sync_ && syncs_ >= *cut_after_sync_) cut_ = true;
  return true;
}

CrashDevice::CrashDevice(std::uint64_t bytes, std::shared_ptr<CrashPlan> plan)
    : CrashDevice(std::make_shared<store::MemoryDevice>(bytes), std::move(plan)) {}

CrashDevice::CrashDevice(std::shared_ptr<store::MemoryDevice> image, std::shared_ptr<CrashPlan> plan)
    : current_(std::move(image)), plan_(std::move(plan)) {}

Status CrashDevice::read(std::uint64_t offset, MutableByteSpan into) {
  TRY_VOID(store::check_range(*this, offset, into.size()));
  TRY_VOID(plan_->on_read());
  MutexLock lock(mutex_);
  if (offset < failing_end_ && offset + into.size() > failing_begin_) return injected("read");
  return current_->read(offset, into);
}

Status CrashDevice::write(std::uint64_t offset, ByteSpan from) {
  TRY_VOID(store::check_range(*this, offset, from.size()));
  TRY_VOID(plan_->on_write());
  std::uint64_t write = 0;
  {
    MutexLock lock(mutex_);
    write = ++last_write_;
    running_.insert(write);
    for (std::uint64_t at = 0; at < from.size(); at += kSectorBytes) {
      put_sector((offset + at) / kSectorBytes, from.subspan(at, kSectorBytes), write);
    }
  }
  // Written and not yet returned: a sync that begins here does not cover it, and with threads some do.
  std::this_thread::yield();
  MutexLock lock(mutex_);
  running_.erase(write);
  return {};
}

Status CrashDevice::sync() {
  const CrashPlan::SyncFate fate = plan_->on_sync();
  if (fate == CrashPlan::SyncFate::power_is_off) return power_is_off();
  Mark mark;
  {
    MutexLock lock(mutex_);
    mark = Mark{last_write_, running_};
  }
  if (fate == CrashPlan::SyncFate::fails) {
    MutexLock lock(mutex_);
    lose(mark);
    return injected("sync");
  }
  std::this_thread::yield();
  if (!plan_->sync_may_return()) return power_is_off();
  MutexLock lock(mutex_);
  make_durable(mark);
  return {};
}

Status CrashDevice::discard(std::uint64_t offset, std::uint64_t bytes) {
  TRY_VOID(store::check_range(*this, offset, bytes));
  TRY_VOID(plan_->on_discard());
  MutexLock lock(mutex_);
  const std::uint64_t write = ++last_write_;
  for (std::uint64_t sector = offset / kSectorBytes; sector < (offset + bytes) / kSectorBytes; ++sector) {
    Dice dice(write, sector);
    Sector after = sector_bytes(sector);
    // A sector of zeros stays one: discarding fresh gigabytes must not fill this machine's memory.
    const bool empty = is_zero(after);
    const std::uint64_t what = dice.below(3);
    if (empty || what == 0) continue;
    if (what == 1) std::fill(after.begin(), after.end(), std::byte{0});
    if (what == 2) fill_with_noise(after, dice);
    put_sector(sector, after, write);
  }
  return {};
}

void CrashDevice::fail_reads_in(std::uint64_t begin, std::uint64_t end) {
  MutexLock lock(mutex_);
  failing_begin_ = begin;
  failing_end_ = end;
}

std::size_t CrashDevice::unsynced_sectors() const {
  MutexLock lock(mutex_);
  return dirty_.size();
}

CrashDevice::Sector CrashDevice::sector_bytes(std::uint64_t sector) const {
  Sector bytes(kSectorBytes);
  CIAOS_ASSERT(current_->read(sector * kSectorBytes, bytes).ok());
  return bytes;
}

void CrashDevice::put_sector(std::uint64_t sector, ByteSpan bytes, std::uint64_t write) {
  const auto [entry, fresh] = dirty_.try_emplace(sector);
  if (fresh) entry->second.durable = sector_bytes(sector);
  entry->second.versions.push_back({write, false, Sector(bytes.begin(), bytes.end())});
  CIAOS_ASSERT(current_->write(sector * kSectorBytes, bytes).ok());
}

void CrashDevice::make_durable(const Mark& mark) {
  for (auto entry = dirty_.begin(); entry != dirty_.end();) {
    DirtySector& dirty = entry->second;
    const auto newest =
        std::find_if(dirty.versions.rbegin(), dirty.versions.rend(),
                     [&](const Version& version) { return !version.lost && mark.covers(version.write); });
    if (newest != dirty.versions.rend()) {
      dirty.durable = std::move(newest->bytes);
      dirty.versions.erase(dirty.versions.begin(), newest.base());
    }
    entry = dirty.versions.empty() ? dirty_.erase(entry) : std::next(entry);
  }
}

void CrashDevice::lose(const Mark& mark) {
  for (auto& [sector, dirty] : dirty_) {
    for (Version& version : dirty.versions) {
      if (mark.covers(version.write)) version.lost = true;
    }
  }
}

std::shared_ptr<store::MemoryDevice> CrashDevice::survivor(std::uint64_t seed) const {
  auto disk = std::make_shared<store::MemoryDevice>(size());
  MutexLock lock(mutex_);
  std::vector<std::byte> piece;
  for (std::uint64_t at = 0; at < size(); at += piece.size()) {
    piece.resize(std::min(kCopyBytes, size() - at));
    CIAOS_ASSERT(current_->read(at, piece).ok());
    // Writing zeros over zeros would only cost memory.
    if (!is_zero(piece)) CIAOS_ASSERT(disk->write(at, piece).ok());
  }
  if (seed == kKeepAll) return disk;
  const std::uint64_t kept = kept_of_ten(seed);
  for (const auto& [sector, dirty] : dirty_) {
    Dice dice(seed, sector);
    Sector bytes = dirty.durable;
    if (seed != kDropAll) {
      if (dice.below(10) < kept) {
        bytes = dirty.versions.back().bytes;
      } else if (const std::uint64_t what = dice.below(4); what == 0) {
        fill_with_noise(bytes, dice);
      } else if (what == 1) {
        bytes = dirty.versions[dice.below(dirty.versions.size())].bytes;
      }
    }
    CIAOS_ASSERT(disk->write(sector * kSectorBytes, bytes).ok());
  }
  return disk;
}

}  // namespace ciaos::test
