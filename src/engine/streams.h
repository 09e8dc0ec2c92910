// Who reads a file forward, and how far beyond what he asks for it pays to read.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/ids.h"
#include "base/mutex.h"

namespace ciaos::engine {

// Thread-safe; its mutexes are leaves. Remembers a few files; what is forgotten begins again.
class Streams {
 public:
  static constexpr std::uint64_t kWindowMin = 1u << 20;
  static constexpr std::uint64_t kWindowMax = 4u << 20;
  // Shorter reads are no stream: the kernel makes long ones of what goes forward.
  static constexpr std::uint64_t kReadMin = 128u << 10;

  struct Window {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };

  // [offset, end) is read. What is going to be read behind it, by the look of it, and was not said before; nothing unless it
  // goes on where an earlier read of the file ended, or near: the kernel has two under way, which may come in either order.
  Window ahead(InodeId inode, std::uint64_t offset, std::uint64_t end) {
    if (end - offset < kReadMin) return {};
    Place& place = places_[inode.value() % kPlaces];
    MutexLock lock(place.mutex);
    const bool known = place.inode == inode;
    const bool goes_on = known && offset <= place.end && place.end - offset <= kNear;
    const bool overtook = known && offset > place.end && offset - place.end <= kNear;
    if (!goes_on && !overtook) {
      place.inode = inode;
      place.end = end;
      place.said = 0;
      place.window = 0;
      return {};
    }
    place.window = std::clamp(2 * place.window, kWindowMin, kWindowMax);
    place.end = std::max(place.end, end);
    const Window window{std::max(end, place.said), end + place.window};
    if (window.begin >= window.end) return {};
    place.said = window.end;
    return window;
  }

 private:
  static constexpr std::size_t kPlaces = 64;
  static constexpr std::uint64_t kNear = 2u << 20;

  struct Place {
    Mutex mutex;
    InodeId inode GUARDED_BY(mutex);
    std::uint64_t end GUARDED_BY(mutex) = 0;
    std::uint64_t said GUARDED_BY(mutex) = 0;
    std::uint64_t window GUARDED_BY(mutex) = 0;
  };
  std::array<Place, kPlaces> places_;
};

}  // namespace ciaos::engine
