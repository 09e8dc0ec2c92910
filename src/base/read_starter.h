// Reads of descriptors that one thread begins and does not wait for. The interface lies here because those who have rings of
// their own (src/fuse) and those who know what is to be read (src/store) do not know each other.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace ciaos {

struct RingRead {
  int fd = -1;
  std::uint64_t offset = 0;
  std::span<const iovec> parts;  // of memory, one filled behind the other
};

// Who is told how a read ended.
class ReadEnd {
 public:
  virtual ~ReadEnd() = default;
  // Once, by whichever thread hears of it. As the kernel says: a count, or an errno below zero.
  virtual void ended(int result) = 0;
};

class ReadStarter {
 public:
  virtual ~ReadStarter() = default;
  // False: no more reads can be under way here, and nothing has happened. Otherwise the read's parts, their memory and `end` stay
  // where they are until end.ended().
  virtual bool start(const RingRead& read, ReadEnd& end) = 0;
  // By any thread: a read has ended that this one wanted to hear of, and another had begun.
  virtual void hear() {}

  // What the calling thread has said that it runs, or null. Its reads end only if that thread goes on, so it must wait for none.
  static ReadStarter* of_this_thread() { return of_thread_; }

  // While it lives, the thread that made it starts its reads by that.
  class Runs {
   public:
    explicit Runs(ReadStarter& starter) { of_thread_ = &starter; }
    ~Runs() { of_thread_ = nullptr; }
    Runs(const Runs&) = delete;
    Runs& operator=(const Runs&) = delete;
  };

 private:
  inline static thread_local ReadStarter* of_thread_ = nullptr;
};

}  // namespace ciaos
