// FUSE over io_uring (Linux 6.14, Documentation/filesystems/fuse/fuse-io-uring.rst) with a libfuse that does not know it: the
// requests come through rings of our own, and libfuse takes them apart.
//
// The kernel wants a queue for each processor that there may ever be, and holds requests back until all are registered. So
// everything that can fail is done before the mount is told of the rings. Forgets and interrupts go on coming by /dev/fuse.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/command_ring.h"
#include "base/mutex.h"
#include "base/result.h"
#include "fuse/libfuse.h"
#include "fuse/request_times.h"
#include "fuse/ring_queue.h"
#include "fuse/rings.h"

namespace ciaos::fuse {

struct Session;

// Whether this kernel takes rings. EOPNOTSUPP: it has none, or its switch is off and `wanted` is not `on`; EACCES: it
// cannot be turned on.
Status prepare_kernel_for_rings(Rings wanted);

class RingTransport {
 public:
  static Result<std::unique_ptr<RingTransport>> make(const CommandRingMaker& maker);
  // Stops.
  ~RingTransport();

  // When the kernel has taken the answer to INIT. `fd` is the session's.
  void start(fuse_session* session, Session& userdata, int fd);
  // Returns when no thread of it runs; what was not answered then never is.
  void stop();
  bool started() const { return started_; }
  std::size_t queue_count() const { return queues_.size(); }

 private:
  struct Job {
    RingQueue* queue = nullptr;
    std::size_t entry = 0;
    ByteSpan request;
    TimedRequest timed;
  };
  RingTransport() = default;
  RingQueue::Served serve_or_hand_over(const Job& job, bool crowded);
  void hand_over(const Job& job) EXCLUDES(mutex_);
  void serve(const Job& job);
  void answer(const Job& job);
  void work();

  fuse_session* session_ = nullptr;
  Session* userdata_ = nullptr;
  int fd_ = -1;
  std::atomic<bool> started_{false};
  LastQueues asked_;
  std::vector<std::unique_ptr<RingQueue>> queues_;

  Mutex mutex_;
  CondVar more_;
  std::deque<Job> jobs_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::vector<std::thread> workers_;
};

}  // namespace ciaos::fuse
