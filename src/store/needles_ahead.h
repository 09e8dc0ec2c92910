// Needles that were asked for before anybody wanted their bytes, the oldest first out.
#pragma once

#include <algorithm>
#include <list>
#include <map>
#include <memory>

#include "base/log_position.h"
#include "base/mutex.h"
#include "store/started_read.h"

namespace ciaos::store {

// Thread-safe; its mutex is a leaf.
class NeedlesAhead {
 public:
  // Null when it is not here.
  std::shared_ptr<StartedRead> find(const NeedlePlace& place) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    const auto found = by_place_.find(place);
    return found == by_place_.end() ? nullptr : found->second->read;
  }
  // REQUIRES: it is not here. (Two who both bring the same one leave the second.)
  void put(const NeedlePlace& place, std::shared_ptr<StartedRead> read) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    drop(place);
    oldest_first_.push_back({place, std::move(read)});
    by_place_[place] = std::prev(oldest_first_.end());
  }
  void erase(const NeedlePlace& place) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    drop(place);
  }
  // Of those that have ended: the others keep their memory anyway. False: there was none.
  bool drop_oldest() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    const auto oldest =
        std::ranges::find_if(oldest_first_, [](const Entry& entry) { return !entry.read->is_under_way(); });
    if (oldest == oldest_first_.end()) return false;
    by_place_.erase(oldest->place);
    oldest_first_.erase(oldest);
    return true;
  }
  void clear() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    by_place_.clear();
    oldest_first_.clear();
  }

 private:
  struct Entry {
    NeedlePlace place;
    std::shared_ptr<StartedRead> read;
  };
  using Entries = std::list<Entry>;

  void drop(const NeedlePlace& place) REQUIRES(mutex_) {
    const auto found = by_place_.find(place);
    if (found == by_place_.end()) return;
    oldest_first_.erase(found->second);
    by_place_.erase(found);
  }

  Mutex mutex_;
  Entries oldest_first_ GUARDED_BY(mutex_);
  std::map<NeedlePlace, Entries::iterator> by_place_ GUARDED_BY(mutex_);
};

}  // namespace ciaos::store
