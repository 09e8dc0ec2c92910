// Where the time of what uses a mount goes, and what holds it up: from two looks at a daemon's counters. Pure.
//
// Of a job that sends one request after the other, the time is the sum of its parts. Where several requests are under way at
// once, parts are shares of the time that requests spent in the daemon.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rpc/record.h"

namespace ciaos::ctl {

// What happened between two looks.
struct Work {
  std::uint64_t wall_ns = 0;
  std::uint64_t requests = 0;
  std::uint64_t request_ns = 0;  // sum over requests; more than wall_ns if several were under way at once
  std::uint64_t read_ns = 0;     // of these, READ
  std::uint64_t write_ns = 0;    // WRITE
  std::uint64_t sync_ns = 0;     // FSYNC and FSYNCDIR
  std::uint64_t reads = 0;
  std::uint64_t bytes = 0;
  std::uint64_t device_reads = 0;
  std::uint64_t device_ns = 0;
  std::uint64_t verify_ns = 0;
  std::uint64_t index_reads = 0;
  std::uint64_t index_ns = 0;
  std::uint64_t commits = 0;
  std::uint64_t cache_bytes = 0;  // now
  std::uint64_t cache_bytes_max = 0;
  std::uint64_t job_cpu_ns = 0;  // of the process that was asked about; 0: of none

  // How many requests were at the daemon at a time.
  double concurrency() const;
};

// `before` and `after`: "status" and "operation" records. Of an operation the ordinary name tells which part it is.
Work work_between(const rpc::Records& before, const rpc::Records& after, std::uint64_t wall_ns);

struct Part {
  std::string name;
  double share = 0;  // of the job's time, 0 to 1
};
enum class Bottleneck { nothing, job, one_at_a_time, device, index, small_cache, sync, checksum, daemon };

struct Verdict {
  Bottleneck bottleneck = Bottleneck::nothing;
  std::string sentence;
  std::vector<Part> parts;  // that are not 0; their sum is 1
};
Verdict verdict_on(const Work& work);
const char* name_of(Bottleneck bottleneck);

}  // namespace ciaos::ctl
