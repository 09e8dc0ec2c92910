#include "fuse/read_forecast.h"

#include <algorithm>

namespace ciaos::fuse {

bool ReadForecast::expects_read(std::uint32_t thread, InodeId inode) {
  if (thread == 0) return false;
  Place& place = place_of(thread);
  MutexLock lock(place.mutex);
  if (place.thread != thread) {
    place.thread = thread;
    place.score = 0;
    place.remembered = {};
  }
  if (std::ranges::find(place.remembered, inode) == place.remembered.end()) {
    InodeId& oldest = place.remembered[place.next];
    place.next = (place.next + 1) % kRemembered;
    if (oldest != InodeId()) place.score = std::max(place.score - 1, 0);
    oldest = inode;
  }
  return place.score >= kBelieved;
}

void ReadForecast::note_read(std::uint32_t thread, InodeId inode) {
  if (thread == 0) return;
  Place& place = place_of(thread);
  MutexLock lock(place.mutex);
  if (place.thread != thread) return;
  const auto found = std::ranges::find(place.remembered, inode);
  if (found == place.remembered.end()) return;
  *found = InodeId();
  place.score = std::min(place.score + 1, kScoreMax);
}

}  // namespace ciaos::fuse
