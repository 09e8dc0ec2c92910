#include "engine/closed_files.h"

#include <utility>

namespace ciaos::engine {
namespace {

// Of the bytes that buffers may take: so many wait, closed or not, before closed files become needles.
constexpr std::uint64_t kPartThatWaits = 16;
constexpr std::size_t kWaitingMax = 4096;

}  // namespace

ClosedFiles::ClosedFiles(Core& core, Files& files) : core_(core), files_(files) {}
ClosedFiles::~ClosedFiles() { stop(); }

void ClosedFiles::start() {
  if (!core_.options.background) return;
  MutexLock lock(mutex_);
  running_ = true;
  thread_ = std::thread([this] { run(); });
}

void ClosedFiles::stop() {
  {
    MutexLock lock(mutex_);
    running_ = false;
    stopping_ = true;
    enough_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void ClosedFiles::add(InodeId inode) {
  if (!core_.dirty.contains(inode)) return;
  MutexLock lock(mutex_);
  if (!running_) return;
  waiting_.push_back(inode);
  if (is_enough()) enough_.notify_one();
}

bool ClosedFiles::is_enough() const {
  if (waiting_.size() >= kWaitingMax) return true;
  return !waiting_.empty() && core_.dirty.bytes() >= core_.options.dirty_bytes_max / kPartThatWaits;
}

void ClosedFiles::run() {
  while (true) {
    std::vector<InodeId> closed;
    {
      MutexLock lock(mutex_);
      while (!stopping_ && !is_enough()) enough_.wait(mutex_);
      if (stopping_) return;
      closed.swap(waiting_);
    }
    // What cannot become a needle now stays in its buffer, and is told to whoever commits it.
    for (const InodeId inode : closed) {
      if (InodeRef dirty = core_.dirty.find(inode, *core_.inodes); dirty)
        (void)files_.flush_outside_gate(std::move(dirty)).ok();
    }
  }
}

}  // namespace ciaos::engine
