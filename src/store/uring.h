// Reads, writes and syncs of descriptors through the calling thread's own io_uring. Private to the file devices.
//
// A ring per thread needs no lock and no thread that reaps: who submits waits. It is made at a thread's first call
// and ends with the thread; a forked child makes its own, since a ring belongs to the process that set it up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/bytes.h"

namespace ciaos::store {

struct FdStep {
  enum class Operation { read, write, sync_data };
  Operation operation = Operation::read;
  int fd = -1;
  std::uint64_t offset = 0;
  std::byte* data = nullptr;  // only read from for a write
  std::uint64_t bytes = 0;
  std::uint32_t alignment = 1;  // where a short transfer may go on
  int error = 0;  // afterwards: 0, or the errno; ENODATA for a file that ended before the range did
  std::uint64_t done = 0;
};

// Returns when all of them have ended, with no order among them. Short transfers and interruptions are carried on. By
// pread(2) and friends, one by one, where the kernel gives this process no ring.
void run_steps(std::span<FdStep> steps);
// The second way by itself, for tests of it.
void run_steps_without_ring(std::span<FdStep> steps);

// The calling thread will read into `memory` again and again: its pages are pinned once instead of at each read, which
// saves a third of a long read's processor time; doc/performance.md has the figures. One range a thread; the memory
// lives as long as the thread. Advice: where the kernel allows no more pinned pages, reads go on as before.
void register_memory(MutableByteSpan memory);

// Empty when the calling thread has a ring.
std::string ring_unavailable_reason();

}  // namespace ciaos::store
