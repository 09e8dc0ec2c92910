// Which threads read what they look up or open, told by what they did before: as a processor's branch predictor does.
//
// A thread has a score. It rises when a file is read that the thread lately looked up or opened, and falls when one drops out
// of the few that are remembered and was not. So a walk with stat, or files whose pages the kernel has, costs no device a
// read, and a reader of cold files is believed after a few of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/ids.h"
#include "base/mutex.h"

namespace ciaos::fuse {

// Thread-safe.
class ReadForecast {
 public:
  // The thread has looked the file up or opened it. Whether it is going to read it, by the look of it. `thread` is what the
  // kernel calls it; 0, the kernel itself, is never believed.
  bool expects_read(std::uint32_t thread, InodeId inode);
  // It asks for the file's first bytes.
  void note_read(std::uint32_t thread, InodeId inode);

 private:
  static constexpr std::size_t kThreads = 256;
  static constexpr std::size_t kRemembered = 8;
  static constexpr int kScoreMax = 16;
  static constexpr int kBelieved = 4;

  // Threads that share a place forget each other.
  struct Place {
    Mutex mutex;
    std::uint32_t thread GUARDED_BY(mutex) = 0;
    int score GUARDED_BY(mutex) = 0;
    std::size_t next GUARDED_BY(mutex) = 0;
    std::array<InodeId, kRemembered> remembered GUARDED_BY(mutex){};
  };
  Place& place_of(std::uint32_t thread) { return places_[thread % kThreads]; }

  std::array<Place, kThreads> places_;
};

}  // namespace ciaos::fuse
