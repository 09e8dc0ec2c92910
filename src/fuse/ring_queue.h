// The requests of one processor: a ring, a few entries in it, and the thread that serves them.
//
//   registered ---> with the kernel ---> request ---> answered here ---------------+---> committed, and fetching the next
//                        ^                  |                                      |            |
//                        |                  +-------> with a worker ---> finished -+            |
//                        |                  +-------> read of a device ---> ended -+            |
//                        +----------------------------------------------------------------------+
//
// An entry whose fetch ends with an error has left for good: the mount is over, or is being ended.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/command_ring.h"
#include "base/mutex.h"
#include "base/result.h"
#include "fuse/ring_entry.h"
#include "fuse/wandering.h"

namespace ciaos::fuse {

class RingQueue final : public ReadStarter {
 public:
  enum class Served {
    answered,
    handed_over,  // somebody else has it, who will call finished()
    under_way,    // a read of a device has to end first, which this queue was given or is going to hear() of
  };
  // All are called by the queue's thread.
  struct Hooks {
    // `crowded`: others have lately been found waiting behind one that was answered here.
    std::function<Served(RingQueue& queue, std::size_t entry, ByteSpan request, bool crowded)> serve;
    // Of an entry whose read is under way: whether that has ended, and the entry holds its answer.
    std::function<bool(RingQueue& queue, std::size_t entry)> resume;
    // The kernel took none of the entries: requests of this processor would wait for ever.
    std::function<void(const Error& error)> refused;
  };

  // `asked` is that of all queues, and outlives them; null: who asks may be moved by its answers.
  static Result<std::unique_ptr<RingQueue>> make(const CommandRingMaker& maker, unsigned processor,
                                                 std::size_t depth, std::size_t payload_bytes,
                                                 LastQueues* asked);
  // REQUIRES: stop() was called, if start() was.
  ~RingQueue() override = default;

  void start(int fd, Hooks hooks);
  // Ends the thread once no worker has an entry any more and no read is under way. The kernel gets the entries back when the
  // queue is destroyed.
  void stop();

  std::size_t depth() const { return entries_.size(); }
  RingEntry& entry(std::size_t index) { return entries_[index]; }
  // For the queue's thread. The kernel hears of it together with the next answer.
  bool start(const RingRead& read, ReadEnd& end) override;
  void hear() override { ring_->wake(); }
  // For a worker: the entry holds its answer.
  void finished(std::size_t entry) EXCLUDES(mutex_);

 private:
  RingQueue(std::unique_ptr<CommandRing> ring, unsigned processor, LastQueues* asked)
      : ring_(std::move(ring)), processor_(processor), asked_(asked) {}
  void run();
  void register_all();
  void on_completion(const RingCompletion& completion);
  void on_request(std::size_t index);
  void go_first();
  void answer_in_place();
  void on_read(const RingCompletion& completion);
  void resume_suspended();
  void commit_finished() EXCLUDES(mutex_);
  void commit(std::size_t index);

  const std::unique_ptr<CommandRing> ring_;
  const unsigned processor_;
  LastQueues* const asked_;
  std::vector<RingEntry> entries_;
  int fd_ = -1;
  Hooks hooks_;
  std::atomic<bool> stopping_{false};

  // Of the thread.
  std::size_t with_kernel_ = 0;
  std::size_t with_workers_ = 0;
  std::size_t reads_ = 0;               // that are under way
  std::vector<std::size_t> suspended_;  // entries that wait for one
  Wandering wandering_;
  std::size_t answers_ = 0;  // since the last wait
  bool served_any_ = false;
  std::size_t behind_ = 0;  // completions that wait until this one is done
  unsigned crowded_ = 0;    // for so many more requests

  Mutex mutex_;
  std::vector<std::size_t> finished_ GUARDED_BY(mutex_);

  std::thread thread_;
};

}  // namespace ciaos::fuse
