#include "engine/compaction.h"

#include <algorithm>

#include "base/log.h"
#include "engine/volume_emptier.h"

namespace ciaos::engine {
namespace {

// How long garbage may gather between two looks of the background thread.
constexpr std::uint64_t kLookIntervalMs = 1000;
// A volume is searched for payloads to punch when this part of it has died since the last time.
constexpr std::uint64_t kPunchShare = 16;
// Volumes whose leases are waited for; others are looked at again later.
constexpr std::size_t kLeasedWaitingMax = 64;

}  // namespace

void Compaction::start() {
  if (core_.options.compact_bytes_per_second == 0 || !core_.options.background) return;
  thread_ = std::thread([this] { run(); });
}

void Compaction::stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void Compaction::wake() {
  MutexLock lock(mutex_);
  woken_ = true;
  wake_.notify_one();
}

void Compaction::run() {
  while (true) {
    {
      MutexLock lock(mutex_);
      while (!woken_ && !stopping_) wake_.wait(mutex_);
      if (stopping_) return;
      woken_ = false;
    }
    bool more = core_.committer->failure().ok();
    while (more) {
      turn_.wait();
      auto stepped = step_in_turn(background_pressure(), /*paced=*/true);
      turn_.end();
      if (!stepped.ok() && core_.committer->failure().ok()) {
        log(LogLevel::warning, "compaction: {}", to_string(stepped.error()));
      }
      more = stepped.ok() && *stepped && pause(0);
    }
    MutexLock lock(mutex_);
    if (!stopping_) wake_.wait_for(mutex_, kLookIntervalMs);
  }
}

// On a store that is full for data, commits of deletions take from the volumes kept for them; those are won back before
// they are needed, however little each victim gives.
Pressure Compaction::background_pressure() {
  const std::uint64_t usable_bytes =
      store::usable_volume_bytes(core_.volumes->superblock().volume_bytes, core_.log_limits);
  return core_.pool->space().bytes_available < usable_bytes ? Pressure::full : Pressure::none;
}

// Waits as long as `bytes` may take, unless somebody waits for room; false when it is time to stop.
bool Compaction::pause(std::uint64_t bytes) {
  const std::uint64_t left_ms =
      1000 * bytes / std::max<std::uint64_t>(core_.options.compact_bytes_per_second, 1);
  const std::uint64_t begin = core_.clock.monotonic_ms();
  MutexLock lock(mutex_);
  while (!stopping_) {
    const std::uint64_t passed = core_.clock.monotonic_ms() - begin;
    if (passed >= left_ms || hurried_ > 0) return true;
    wake_.wait_for(mutex_, left_ms - passed);
  }
  return false;
}

Result<bool> Compaction::step(Pressure pressure) {
  turn_.wait();
  Result<bool> done = step_in_turn(pressure, /*paced=*/false);
  turn_.end();
  return done;
}

Status Compaction::make_room(const std::function<Status()>& claim) {
  hurry(+1);
  turn_.wait();
  Status room = claim();
  while (room.code() == ENOSPC) {
    auto stepped = step_in_turn(Pressure::full, /*paced=*/false);
    if (!stepped.ok() && stepped.code() != ENOSPC) {
      room = stepped.error();
      break;
    }
    room = claim();
    if (!stepped.ok() || !*stepped) break;
  }
  turn_.end();
  hurry(-1);
  return room;
}

void Compaction::hurry(int change) {
  MutexLock lock(mutex_);
  hurried_ += change;
  wake_.notify_all();
}

void Compaction::show_emptying(const std::optional<Emptying>& now) {
  MutexLock lock(mutex_);
  emptying_ = now;
}

Result<Compaction::Look> Compaction::look() {
  // What a volume keeps free at its end is no garbage.
  const std::uint64_t usable_bytes =
      store::usable_volume_bytes(core_.volumes->superblock().volume_bytes, core_.log_limits);
  Look look;
  std::uint64_t reclaimable = 0;
  for (const meta::VolumeUsage& usage : TRY(core_.rows->applied_volumes())) {
    if (usage.row.state == meta::VolumeState::free) continue;
    VolumeFill fill{usage, usable_bytes};
    look.live_bytes += fill.needed_bytes();
    if (usage.row.state != meta::VolumeState::sealed || usage.extents == 0) continue;
    if (can_punch(core_, usage.volume)) {
      const auto volume = core_.volumes->volume(usage.volume);
      if (!volume.ok()) continue;  // missing: what it held is reported by whoever reads it
      fill.held_bytes = std::min(usable_bytes, TRY((*volume)->allocated_bytes()));
    }
    reclaimable += fill.garbage_bytes();
    if (!damaged_.contains(usage.volume)) look.sealed.push_back(fill);
  }
  reclaimable_bytes_ = reclaimable;
  return look;
}

Result<bool> Compaction::step_in_turn(Pressure pressure, bool paced) {
  Look now = TRY(look());
  const bool punched = TRY(punch(now.sealed));
  if (punched) now = TRY(look());
  const auto victim =
      choose_victim(now.sealed, core_.volumes->superblock().volume_bytes, now.live_bytes, pressure);
  if (victim) return empty(now.sealed[*victim].usage, pressure, paced);
  if (pressure == Pressure::none || punched) return punched;
  // A new snapshot takes room as well; it was worth it if there is more afterwards. Where it was not, it is not tried again
  // before something has died: on a full store every write asks.
  const std::uint64_t before = core_.pool->space().bytes_grantable;
  if (live_when_futile_ == now.live_bytes) return false;
  (void)TRY(maintenance_.reclaim_now(/*pressed=*/true));
  const bool gained = core_.pool->space().bytes_grantable > before;
  live_when_futile_ = gained ? std::nullopt : std::optional(now.live_bytes);
  return gained;
}

Result<bool> Compaction::punch(const std::vector<VolumeFill>& volumes) {
  const std::uint64_t least = core_.volumes->superblock().volume_bytes / kPunchShare;
  std::uint64_t punched = 0;
  for (auto next = leased_.begin(); next != leased_.end();) {
    const auto waiting = next++;
    const meta::VolumeUsage& usage = waiting->second.volume;
    // Meanwhile it may have been given back whole.
    const bool is_there = std::ranges::any_of(volumes, [&](const VolumeFill& volume) {
      return volume.usage.volume == usage.volume && volume.usage.row.generation == usage.row.generation;
    });
    if (is_there && !core_.leases.may_free(usage.volume, waiting->second.found_ms)) continue;
    // Before it is punched: what fails once is not to fail every step from then on.
    const DeadPayloads dead = std::move(leased_.extract(waiting).mapped());
    if (is_there) punched += TRY(engine::punch(core_, dead));
  }
  for (const VolumeFill& volume : volumes) {
    const meta::VolumeUsage& usage = volume.usage;
    if (volume.garbage_bytes() < least || !can_punch(core_, usage.volume)) continue;
    const auto before = live_when_punched_.find(usage.volume);
    if (before != live_when_punched_.end() && before->second < usage.bytes + least) continue;
    if (leased_.size() >= kLeasedWaitingMax || leased_.contains(usage.volume)) continue;
    live_when_punched_[usage.volume] = usage.bytes;
    DeadPayloads dead = TRY(find_dead_payloads(core_, usage));
    if (core_.leases.may_free(usage.volume, dead.found_ms)) {
      punched += TRY(engine::punch(core_, dead));
    } else {
      leased_.emplace(usage.volume, std::move(dead));
    }
  }
  punched_bytes_ += punched;
  return punched > 0;
}

Result<bool> Compaction::empty(const meta::VolumeUsage& volume, Pressure pressure, bool paced) {
  const std::uint64_t needed = VolumeFill{volume}.needed_bytes();
  std::uint64_t promise = std::min(
      needed, store::usable_volume_bytes(core_.volumes->superblock().volume_bytes, core_.log_limits));
  const Status room = core_.pool->reserve_for_compaction(promise);
  if (room.code() == ENOSPC) return false;
  TRY_VOID(Status(room));
  Emptying shown{.volume = volume.volume, .done_bytes = 0, .bytes = volume.bytes};
  show_emptying(shown);
  const auto go_on = [&](std::uint64_t bytes) {
    shown.done_bytes += bytes;
    show_emptying(shown);
    return !paced || pause(bytes);
  };
  VolumeEmptier emptier(core_, files_);
  auto outcome = emptier.empty(volume, promise, go_on);
  show_emptying(std::nullopt);
  core_.pool->release(promise);
  if (outcome.code() == ENOSPC) return false;
  const VolumeEmptier::Outcome done = TRY(std::move(outcome));
  moved_bytes_ += done.moved_bytes;
  if (done.damaged > 0) damaged_.insert(volume.volume);
  if (!done.empty) return done.damaged > 0;
  ++volumes_emptied_;
  live_when_punched_.erase(volume.volume);
  leased_.erase(volume.volume);
  (void)TRY(maintenance_.reclaim_now(pressure == Pressure::full));
  return true;
}

CompactionStats Compaction::stats() const {
  CompactionStats stats{
      .volumes_emptied = volumes_emptied_, .moved_bytes = moved_bytes_, .punched_bytes = punched_bytes_};
  stats.reclaimable_bytes = reclaimable_bytes_;
  MutexLock lock(mutex_);
  if (!emptying_) return stats;
  stats.emptying = true;
  stats.emptying_volume = emptying_->volume;
  stats.emptying_done_bytes = emptying_->done_bytes;
  stats.emptying_bytes = emptying_->bytes;
  return stats;
}

}  // namespace ciaos::engine
