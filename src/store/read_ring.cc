#include "store/read_ring.h"

#include <array>

#include "store/command_ring.h"

namespace ciaos::store {

ReadRing::~ReadRing() {
  if (!thread_.joinable()) return;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  ring_->wake();
  thread_.join();
}

bool ReadRing::start(const RingRead& read, ReadEnd& end) {
  {
    MutexLock lock(mutex_);
    if (!thread_.joinable() && !begin()) return false;
    if (reads_ == kReadsMax) return false;
    ++reads_;
    new_.emplace_back(read, &end);
  }
  ring_->wake();
  return true;
}

// Not before there is something to read: a daemon that goes to the background is another process afterwards, without threads.
bool ReadRing::begin() {
  if (refused_) return false;
  auto ring = make_command_ring(2 * kReadsMax);
  refused_ = !ring.ok();
  if (refused_) return false;
  ring_ = *std::move(ring);
  thread_ = std::thread([this] { run(); });
  return true;
}

void ReadRing::run() {
  ring_->begin();
  std::array<RingCompletion, kReadsMax> completions{};
  while (true) {
    {
      MutexLock lock(mutex_);
      if (stopping_ && reads_ == 0) return;
    }
    const std::size_t count = ring_->wait(completions);
    for (std::size_t i = 0; i < count; ++i) {
      if (completions[i].tag == CommandRing::kWoken) {
        submit_new();
        continue;
      }
      --reads_;
      reinterpret_cast<ReadEnd*>(static_cast<std::uintptr_t>(completions[i].tag))
          ->ended(completions[i].result);
    }
  }
}

void ReadRing::submit_new() {
  std::vector<std::pair<RingRead, ReadEnd*>> reads;
  {
    MutexLock lock(mutex_);
    reads.swap(new_);
  }
  for (const auto& [read, end] : reads) ring_->submit(read, reinterpret_cast<std::uintptr_t>(end));
}

}  // namespace ciaos::store
