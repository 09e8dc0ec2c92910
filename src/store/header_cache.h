// Headers of needles with their CRC tables, least recently used first out.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>

#include "base/mutex.h"
#include "store/needle.h"

namespace ciaos::store {

// Thread-safe. What was found stays valid for whoever holds it.
class HeaderCache {
 public:
  explicit HeaderCache(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  // Null when it is not here; one with another header checksum is another needle.
  std::shared_ptr<const NeedleHeader> find(const NeedlePlace& place) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    const auto found = by_place_.find(place.at);
    if (found == by_place_.end() || (*found->second)->place() != place) return nullptr;
    recent_.splice(recent_.begin(), recent_, found->second);
    return recent_.front();
  }

  void put(std::shared_ptr<const NeedleHeader> header) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    const auto known = by_place_.find(header->at);
    if (known != by_place_.end()) drop(known);
    bytes_ += bytes_of(*header);
    recent_.push_front(std::move(header));
    by_place_[recent_.front()->at] = recent_.begin();
    while (bytes_ > bytes_max_) drop(by_place_.find(recent_.back()->at));
  }

  void forget_volume(VolumeId volume) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    auto at = by_place_.lower_bound({volume, Generation(0), 0});
    while (at != by_place_.end() && at->first.volume == volume) at = drop(at);
  }

  void clear() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    recent_.clear();
    by_place_.clear();
    bytes_ = 0;
  }

 private:
  using Recent = std::list<std::shared_ptr<const NeedleHeader>>;
  using ByPlace = std::map<VolumePosition, Recent::iterator>;

  // With what the list and the map take for it.
  static std::uint64_t bytes_of(const NeedleHeader& header) {
    return sizeof(NeedleHeader) + header.payload_crcs.size() * sizeof(std::uint32_t) + 160;
  }
  ByPlace::iterator drop(ByPlace::iterator at) REQUIRES(mutex_) {
    bytes_ -= bytes_of(**at->second);
    recent_.erase(at->second);
    return by_place_.erase(at);
  }

  const std::uint64_t bytes_max_;
  Mutex mutex_;
  Recent recent_ GUARDED_BY(mutex_);
  ByPlace by_place_ GUARDED_BY(mutex_);
  std::uint64_t bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace ciaos::store
