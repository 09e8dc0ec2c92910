// The queue of one processor over a ring that the test plays: how reads of devices end, and how all of it does.
#include "fuse/ring_queue.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "base/unimportant.h"

namespace ciaos::fuse {
namespace {

class PlayedRing final : public CommandRing {
 public:
  void begin() override {}
  void submit(const RingCommand& command, std::uint64_t) override {
    if (command.operation == kRingCommitAndFetch) ++queued_answers_;
  }
  void submit(const RingRead&, std::uint64_t tag) override {
    const std::lock_guard lock(mutex_);
    reads_.push_back(tag);
    changed_.notify_all();
  }
  void hand_over() override {
    const std::lock_guard lock(mutex_);
    if (queued_answers_ > 0) policies_.push_back(::sched_getscheduler(0));
    answers_ += queued_answers_;
    queued_answers_ = 0;
    changed_.notify_all();
  }
  std::size_t wait(std::span<RingCompletion> into) override {
    hand_over();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !completions_.empty(); });
    const std::size_t count = std::min(into.size(), completions_.size());
    std::copy_n(completions_.begin(), count, into.begin());
    completions_.erase(completions_.begin(), completions_.begin() + static_cast<std::ptrdiff_t>(count));
    return count;
  }
  bool has_completions() override { return false; }
  void wake() override {
    complete(kWoken, 0);
    const std::lock_guard lock(mutex_);
    woken_ = true;
    changed_.notify_all();
  }

  // --- for the test ---
  void complete(std::uint64_t tag, int result) {
    const std::lock_guard lock(mutex_);
    completions_.push_back({tag, result});
    changed_.notify_all();
  }
  std::uint64_t next_read() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !reads_.empty(); });
    const std::uint64_t tag = reads_.front();
    reads_.pop_front();
    return tag;
  }
  void wait_for_answers(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return answers_ >= count; });
  }
  void wait_for_wake() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return woken_; });
  }
  int answers() {
    const std::lock_guard lock(mutex_);
    return answers_;
  }
  // How the scheduler saw the thread, each time when it handed over answers.
  std::vector<int> policies() {
    const std::lock_guard lock(mutex_);
    return policies_;
  }

 private:
  int queued_answers_ = 0;  // the queue's thread's
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<RingCompletion> completions_;
  std::deque<std::uint64_t> reads_;
  int answers_ = 0;
  std::vector<int> policies_;
  bool woken_ = false;
};

struct NotedEnd final : ReadEnd {
  void ended(int result) override { bytes = result; }
  std::atomic<int> bytes{-1};
};

// Every request needs a read of a device.
class RingQueueTest : public testing::Test {
 protected:
  static constexpr std::size_t kDepth = 4;

  void SetUp() override {
    queue_ = RingQueue::make(
                 [this](unsigned) {
                   auto ring = std::make_unique<PlayedRing>();
                   ring_ = ring.get();
                   return Result<std::unique_ptr<CommandRing>>(std::move(ring));
                 },
                 /*processor=*/0, kDepth, /*payload_bytes=*/1u << 20, &asked_)
                 .value();
    RingQueue::Hooks hooks;
    hooks.serve = [this](RingQueue& queue, std::size_t entry, ByteSpan, bool) {
      started_here_ = ReadStarter::of_this_thread() == &queue;
      ++served_;
      if (at_once_) {
        queue.entry(entry).answer(std::size_t{0});
        return RingQueue::Served::answered;
      }
      if (elsewhere_) return RingQueue::Served::under_way;
      return queue.start({}, end_) ? RingQueue::Served::under_way : RingQueue::Served::handed_over;
    };
    hooks.resume = [this](RingQueue& queue, std::size_t entry) {
      if (end_.bytes < 0) return false;
      queue.entry(entry).answer(std::size_t{0});
      return true;
    };
    hooks.refused = [](const Error&) {};
    queue_->start(/*fd=*/-1, hooks);
  }

  void ask(std::size_t entry, std::uint32_t thread) {
    fuse_in_header header{};
    header.len = sizeof header;
    header.pid = thread;
    std::memcpy(queue_->entry(entry).parts()[0].iov_base, &header, sizeof header);
    ring_->complete(entry, 0);
  }

  LastQueues asked_;
  PlayedRing* ring_ = nullptr;
  std::unique_ptr<RingQueue> queue_;
  NotedEnd end_;
  std::atomic<bool> elsewhere_{false};
  std::atomic<bool> at_once_{false};
  std::atomic<int> served_{0};
  std::atomic<bool> started_here_{false};
};

TEST_F(RingQueueTest, ARequestIsAnsweredWhenItsReadHasEnded) {
  ring_->complete(0, 0);
  const std::uint64_t read = ring_->next_read();
  EXPECT_EQ(ring_->answers(), 0);
  EXPECT_TRUE(started_here_);
  ring_->complete(read, 4096);
  ring_->wait_for_answers(1);
  EXPECT_EQ(end_.bytes, 4096);
  queue_->stop();
}

TEST_F(RingQueueTest, OrWhenItHearsThatAnotherOnesHas) {
  elsewhere_ = true;
  ring_->complete(0, 0);
  while (served_ == 0) std::this_thread::yield();
  std::thread stopping([this] { queue_->stop(); });
  end_.ended(4096);
  queue_->hear();
  stopping.join();
  EXPECT_EQ(ring_->answers(), 1);
}

TEST_F(RingQueueTest, WhatIsUnderWayIsAnsweredBeforeItStops) {
  ring_->complete(0, 0);
  const std::uint64_t read = ring_->next_read();
  std::thread stopping([this] { queue_->stop(); });
  ring_->complete(read, 4096);
  stopping.join();
  EXPECT_EQ(ring_->answers(), 1);
}

TEST_F(RingQueueTest, WhoeverComesWhileItStopsIsNotServed) {
  ring_->complete(0, 0);
  const std::uint64_t read = ring_->next_read();
  std::thread stopping([this] { queue_->stop(); });
  ring_->wait_for_wake();
  ring_->complete(1, 0);
  ring_->complete(2, 0);
  ring_->complete(read, 4096);
  stopping.join();
  EXPECT_EQ(served_, 1);
}

TEST_F(RingQueueTest, WhoComesFromOtherProcessorsAgainAndAgainIsAnsweredByAThreadThatGivesWay) {
  constexpr std::uint32_t kThread = 4711;
  constexpr std::size_t kMoves = 3;
  if (!Unimportant::possible())
    GTEST_SKIP() << "a thread that was SCHED_IDLE may not be SCHED_OTHER again here";
  at_once_ = true;
  for (std::size_t i = 0; i < kMoves + 2; ++i) {
    if (i < kMoves) asked_.note(kThread, 1);
    ask(0, kThread);
    ring_->wait_for_answers(static_cast<int>(i) + 1);
  }
  const std::vector<int> wanted{SCHED_OTHER, SCHED_OTHER, SCHED_IDLE, SCHED_IDLE, SCHED_IDLE};
  EXPECT_EQ(ring_->policies(), wanted);
  queue_->stop();
}

TEST_F(RingQueueTest, ButNotWhileOthersWaitForADevice) {
  constexpr std::uint32_t kThread = 4711;
  if (!Unimportant::possible())
    GTEST_SKIP() << "a thread that was SCHED_IDLE may not be SCHED_OTHER again here";
  ask(1, kThread + 1);
  const std::uint64_t read = ring_->next_read();
  at_once_ = true;
  for (int i = 0; i < 5; ++i) {
    asked_.note(kThread, 1);
    ask(0, kThread);
    ring_->wait_for_answers(i + 1);
  }
  ring_->complete(read, 4096);
  ring_->wait_for_answers(6);
  asked_.note(kThread, 1);
  ask(0, kThread);
  ring_->wait_for_answers(7);
  const std::vector<int> policies = ring_->policies();
  EXPECT_EQ(std::count(policies.begin(), policies.begin() + 5, SCHED_OTHER), 5);
  EXPECT_EQ(policies.back(), SCHED_IDLE);
  queue_->stop();
}

}  // namespace
}  // namespace ciaos::fuse
