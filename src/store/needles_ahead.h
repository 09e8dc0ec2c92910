// Needles that were asked for before anybody wanted their bytes, the oldest first out.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>

#include "base/clock.h"
#include "base/log_position.h"
#include "base/mutex.h"
#include "store/started_read.h"

namespace ciaos::store {

// Thread-safe; its mutex is a leaf. A read that is dropped may be the last that has a volume's file open, so none ends under
// the mutex.
class NeedlesAhead {
 public:
  // Null when it is not here.
  std::shared_ptr<StartedRead> find(const NeedlePlace& place) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    const auto found = by_place_.find(place);
    return found == by_place_.end() ? nullptr : found->second->read;
  }
  // Of two who bring the same the second stays.
  void put(const NeedlePlace& place, std::shared_ptr<StartedRead> read) EXCLUDES(mutex_) {
    Entries dropped;
    MutexLock lock(mutex_);
    if (const auto found = by_place_.find(place); found != by_place_.end()) drop(found->second, dropped);
    oldest_first_.push_back({place, std::move(read)});
    by_place_[place] = std::prev(oldest_first_.end());
  }
  void erase(const NeedlePlace& place) EXCLUDES(mutex_) {
    Entries dropped;
    MutexLock lock(mutex_);
    const auto found = by_place_.find(place);
    if (found != by_place_.end()) drop(found->second, dropped);
  }
  // If that has ended and was begun so long ago. False: it stays, or there is none.
  bool drop_oldest(std::uint64_t nanoseconds) EXCLUDES(mutex_) {
    Entries dropped;
    MutexLock lock(mutex_);
    if (oldest_first_.empty()) return false;
    const StartedRead& oldest = *oldest_first_.front().read;
    if (oldest.is_under_way() || monotonic_ns() - oldest.begun_ns() < nanoseconds) return false;
    drop(oldest_first_.begin(), dropped);
    return true;
  }
  void forget_volume(VolumeId volume) EXCLUDES(mutex_) {
    Entries dropped;
    MutexLock lock(mutex_);
    drop_if(dropped, [&](const Entry& entry) { return entry.place.at.volume == volume; });
  }
  void clear() EXCLUDES(mutex_) {
    Entries dropped;
    MutexLock lock(mutex_);
    by_place_.clear();
    dropped.swap(oldest_first_);
  }

 private:
  struct Entry {
    NeedlePlace place;
    std::shared_ptr<StartedRead> read;
  };
  using Entries = std::list<Entry>;

  void drop(Entries::iterator entry, Entries& dropped) REQUIRES(mutex_) {
    by_place_.erase(entry->place);
    dropped.splice(dropped.end(), oldest_first_, entry);
  }
  template <typename Wanted>
  void drop_if(Entries& dropped, const Wanted& wanted) REQUIRES(mutex_) {
    for (auto entry = oldest_first_.begin(); entry != oldest_first_.end();) {
      const auto next = std::next(entry);
      if (wanted(*entry)) drop(entry, dropped);
      entry = next;
    }
  }

  Mutex mutex_;
  Entries oldest_first_ GUARDED_BY(mutex_);
  std::map<NeedlePlace, Entries::iterator> by_place_ GUARDED_BY(mutex_);
};

}  // namespace ciaos::store
