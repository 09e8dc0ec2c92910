// READs that are answered when a device has, while the queue of their processor goes on with others.
#pragma once

#include <optional>
#include <vector>

#include "engine/begun_read.h"
#include "fuse/request_times.h"
#include "fuse/ring_queue.h"
#include "fuse/ring_verbs.h"

namespace ciaos::fuse {

struct Session;

// Of one queue, and its thread's.
class RingReads {
 public:
  // `session` outlives it.
  RingReads(Session& session, std::size_t entries) : session_(session), waiting_(entries) {}

  // What becomes of a READ. answered: it can be at once, by the caller; nothing: it is to be served like any other request.
  std::optional<RingQueue::Served> serve(RingQueue& queue, std::size_t entry, const WantedRead& wanted,
                                         const TimedRequest& timed);
  // Whether the entry's read of a device has ended, and the entry holds its answer.
  bool resume(RingQueue& queue, std::size_t entry);

 private:
  struct Waiting {
    engine::BegunRead read;
    TimedRequest timed;
  };
  Session& session_;
  std::vector<Waiting> waiting_;  // by entry
};

}  // namespace ciaos::fuse
