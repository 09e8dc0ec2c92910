#include "engine/leases.h"

#include <algorithm>

namespace ciaos::engine {
namespace {

// A clock that is moved by hand wakes nobody.
constexpr std::uint64_t kLookMs = 20;

}  // namespace

Status Leases::take(const Holder& holder, std::span<const VolumeId> volumes) {
  const std::uint64_t now = now_ms();
  MutexLock lock(mutex_);
  Held& held = holders_[&holder];
  const auto fresh = std::ranges::count_if(volumes, [&](VolumeId volume) { return !held.contains(volume); });
  if (held.size() + static_cast<std::size_t>(fresh) > kLeasedVolumesMax)
    std::erase_if(held, [now](const auto& lease) { return lease.second <= now; });
  if (held.size() + static_cast<std::size_t>(fresh) > kLeasedVolumesMax) return fail(EMFILE);
  for (const VolumeId volume : volumes) held.insert_or_assign(volume, now + kLeaseMs);
  return {};
}

bool Leases::is_held(VolumeId volume) const {
  const std::uint64_t now = now_ms();
  MutexLock lock(mutex_);
  return std::ranges::any_of(holders_, [&](const auto& holder) {
    const auto found = holder.second.find(volume);
    return found != holder.second.end() && found->second > now;
  });
}

bool Leases::has(const Holder* holder, VolumeId volume) const {
  const std::uint64_t now = now_ms();
  MutexLock lock(mutex_);
  const auto known = holders_.find(holder);
  if (known == holders_.end()) return false;
  const auto found = known->second.find(volume);
  return found != known->second.end() && found->second > now;
}

bool Leases::may_free(VolumeId volume, std::uint64_t found_ms) const {
  return now_ms() >= found_ms + kLeaseMs || !is_held(volume);
}

void Leases::wait_for_earlier(std::span<const VolumeId> volumes) const {
  const std::uint64_t begun = now_ms();
  for (const VolumeId volume : volumes) {
    while (!may_free(volume, begun)) {
      MutexLock lock(mutex_);
      ended_.wait_for(mutex_, kLookMs);
    }
  }
}

void Leases::end(const Holder* holder) {
  MutexLock lock(mutex_);
  holders_.erase(holder);
  ended_.notify_all();
}

}  // namespace ciaos::engine
