// What requests of the kernel took, from when one was here until its answer was: by kind, and by process for a while after
// somebody has asked for that. Slow ones are logged.
//
// Of a request that came by a ring the wait for a worker counts; what it waited inside the kernel nobody here can see.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/mutex.h"
#include "base/operation_times.h"

namespace ciaos::fuse {

struct TimedRequest {
  std::uint64_t begun_ns = 0;  // 0: there is none
  std::uint64_t unique = 0;
  std::uint64_t inode = 0;
  std::uint32_t opcode = 0;
  std::uint32_t pid = 0;  // as the kernel has it: a thread's number; 0: the kernel itself
  std::uint64_t bytes = 0;

  // Of a request that arrived now.
  static TimedRequest begun(ByteSpan request);
};

struct ProcessTotals {
  std::uint32_t pid = 0;
  std::uint64_t count = 0;
  std::uint64_t nanoseconds = 0;
  std::uint64_t bytes = 0;
};

// Thread-safe.
class RequestTimes {
 public:
  // A request that takes this long is logged; 0: none is.
  explicit RequestTimes(std::uint64_t slow_ns) : slow_ns_(slow_ns) {}

  // The answer is out; `reply_bytes` with its header.
  void finished(const TimedRequest& request, std::uint64_t reply_bytes);

  struct Kind {
    std::string name;  // "read"
    OperationTotals totals;
  };
  // Those that there were any of.
  std::vector<Kind> kinds() const;
  // What processes did since this was asked last. Counting begins with the first call, and ends when nobody has asked for
  // kWatchNs; of more than kProcessesMax those that come late are one, of number 0.
  std::vector<ProcessTotals> take_processes() EXCLUDES(mutex_);

 private:
  static constexpr std::uint64_t kWatchNs = 10'000'000'000;
  static constexpr std::size_t kProcessesMax = 4096;
  static constexpr std::uint64_t kSlowLinesPerSecond = 5;

  void note_process(const TimedRequest& request, std::uint64_t nanoseconds) EXCLUDES(mutex_);
  void log_slow(const TimedRequest& request, std::uint64_t now_ns, std::uint64_t nanoseconds)
      EXCLUDES(mutex_);

  const std::uint64_t slow_ns_;
  OperationTimes times_;
  std::atomic<std::uint64_t> watched_until_ns_{0};
  Mutex
      mutex_;  // a leaf; taken on the way of a request only while processes are watched, or when it was slow
  std::unordered_map<std::uint32_t, ProcessTotals> processes_ GUARDED_BY(mutex_);
  std::uint64_t slow_second_ GUARDED_BY(mutex_) = 0;
  std::uint64_t slow_lines_ GUARDED_BY(mutex_) = 0;  // in that second
};

}  // namespace ciaos::fuse
