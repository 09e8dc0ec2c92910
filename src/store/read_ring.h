// Reads that one thread begins and another waits for, or nobody: a ring of its own, and the thread that it belongs to. A read
// that a ring gets from whoever begins it would end only when that one next runs for the kernel, and who sleeps in a sync does
// not.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "base/command_ring.h"
#include "base/mutex.h"
#include "base/read_starter.h"

namespace ciaos::store {

// Thread-safe.
class ReadRing final : public ReadStarter {
 public:
  ReadRing() = default;
  // Waits for the reads that are under way.
  ~ReadRing() override;

  // False too where the kernel gives us no ring.
  bool start(const RingRead& read, ReadEnd& end) override EXCLUDES(mutex_);

 private:
  static constexpr unsigned kReadsMax = 64;

  bool begin() REQUIRES(mutex_);
  void run();
  void submit_new() EXCLUDES(mutex_);

  std::unique_ptr<CommandRing> ring_;  // constant once there is a thread

  Mutex mutex_;
  bool refused_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::vector<std::pair<RingRead, ReadEnd*>> new_ GUARDED_BY(mutex_);

  std::atomic<unsigned> reads_{0};  // new, or under way
  std::thread thread_;
};

}  // namespace ciaos::store
