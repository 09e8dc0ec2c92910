#include "fuse/ring_queue.h"

#include <pthread.h>
#include <sched.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/clock.h"
#include "base/log.h"
#include "base/unimportant.h"

namespace ciaos::fuse {
namespace {

constexpr std::size_t kCompletionsAtOnce = 64;
constexpr unsigned kCrowdedRequests = 64;
// Room for reads, for each entry: one that its request waits for, and one that nobody waits for yet.
constexpr std::size_t kReadsPerEntry = 2;

// The kernel puts a request into the ring of the processor that asks; whoever answers there needs no other one.
void pin_to(unsigned processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  // A processor that is possible but not there, or not ours: then anywhere.
  (void)::pthread_setaffinity_np(::pthread_self(), sizeof set, &set);
}

RingCommand command(int fd, std::uint32_t operation, std::uint64_t commit_id, unsigned queue) {
  RingCommand out;
  out.fd = fd;
  out.operation = operation;
  RingCommandBody body;
  body.commit_id = commit_id;
  body.queue = static_cast<std::uint16_t>(queue);
  std::memcpy(out.body.data(), &body, sizeof body);
  return out;
}

}  // namespace

Result<std::unique_ptr<RingQueue>> RingQueue::make(const CommandRingMaker& maker, unsigned processor,
                                                   std::size_t depth, std::size_t payload_bytes,
                                                   LastQueues* asked) {
  auto ring = TRY(maker(static_cast<unsigned>((2 + kReadsPerEntry) * depth)));
  auto queue = std::unique_ptr<RingQueue>(new RingQueue(std::move(ring), processor, asked));
  for (std::size_t i = 0; i < depth; ++i) queue->entries_.push_back(TRY(RingEntry::make(payload_bytes)));
  return queue;
}

void RingQueue::start(int fd, Hooks hooks) {
  fd_ = fd;
  hooks_ = std::move(hooks);
  thread_ = std::thread([this] { run(); });
}

void RingQueue::stop() {
  stopping_ = true;
  ring_->wake();
  if (thread_.joinable()) thread_.join();
}

void RingQueue::run() {
  pin_to(processor_);
  const Runs runs(*this);
  ring_->begin();
  register_all();
  std::array<RingCompletion, kCompletionsAtOnce> completions{};
  while (reads_ > 0 || !suspended_.empty() ||
         (with_kernel_ + with_workers_ > 0 && (!stopping_ || with_workers_ > 0))) {
    answer_in_place();
    const std::size_t count = ring_->wait(completions);
    for (std::size_t i = 0; i < count; ++i) {
      behind_ = count - i - 1;
      on_completion(completions[i]);
    }
  }
  ring_->hand_over();  // the last answers
}

void RingQueue::register_all() {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    RingCommand registration = command(fd_, kRingRegister, 0, processor_);
    registration.address = entries_[i].parts();
    registration.length = 2;
    ring_->submit(registration, i);
    ++with_kernel_;
  }
}

void RingQueue::on_completion(const RingCompletion& completion) {
  if (completion.tag == CommandRing::kWoken) {
    commit_finished();
    return resume_suspended();
  }
  if (completion.tag >= entries_.size()) return on_read(completion);
  --with_kernel_;
  if (completion.result >= 0) {
    served_any_ = true;
    return on_request(completion.tag);
  }
  if (with_kernel_ + with_workers_ == 0 && !served_any_ && !stopping_)
    hooks_.refused(fail(-completion.result, "the ring of processor " + std::to_string(processor_)));
}

void RingQueue::on_request(std::size_t index) {
  // Whoever asks now is not worked on yet, and gets the answer of a mount that ends.
  if (stopping_) return;
  const std::size_t reads_before = reads_;
  const ByteSpan request = entries_[index].request();
  if (const std::uint32_t thread = entries_[index].header().pid; asked_ != nullptr && thread != 0)
    wandering_.note(thread, asked_->note(thread, processor_));
  const Served served = hooks_.serve(*this, index, request, crowded_ > 0);
  if (crowded_ > 0) --crowded_;
  switch (served) {
    case Served::answered:
      if (reads_ > reads_before && crowded_ == 0) go_first();
      commit(index);
      if (behind_ > 0 || ring_->has_completions()) crowded_ = kCrowdedRequests;
      return;
    case Served::handed_over: ++with_workers_; return;
    case Served::under_way: suspended_.push_back(index); return;
  }
}

// A read that was begun reaches its device before somebody is woken by the answer. Where a thread of the kernel gives
// requests to the device (loop, dm-crypt), both would want this processor, and who gets another one has to wait until that
// has woken up.
void RingQueue::go_first() {
  ring_->hand_over();
  ::sched_yield();
}

// Whoever gets this answer may go on for long, and requests that come meanwhile wait as they do behind anybody who computes here.
// What is here already does not, nor does a device: for them the thread stays what it is.
void RingQueue::answer_in_place() {
  if (answers_ > 0 && reads_ == 0 && with_workers_ == 0 && suspended_.empty() && wandering_.hold()) {
    const std::uint64_t begun_ns = monotonic_ns();
    {
      const Unimportant unimportant;
      ring_->hand_over();
    }
    wandering_.kept(monotonic_ns() - begun_ns);
  }
  answers_ = 0;
}

bool RingQueue::start(const RingRead& read, ReadEnd& end) {
  if (stopping_ || reads_ == kReadsPerEntry * entries_.size()) return false;
  ring_->submit(read, reinterpret_cast<std::uintptr_t>(&end));
  ++reads_;
  return true;
}

void RingQueue::on_read(const RingCompletion& completion) {
  --reads_;
  reinterpret_cast<ReadEnd*>(static_cast<std::uintptr_t>(completion.tag))->ended(completion.result);
  resume_suspended();
}

void RingQueue::resume_suspended() {
  std::erase_if(suspended_, [this](std::size_t index) {
    if (!hooks_.resume(*this, index)) return false;
    commit(index);
    return true;
  });
}

void RingQueue::finished(std::size_t entry) {
  {
    MutexLock lock(mutex_);
    finished_.push_back(entry);
  }
  ring_->wake();
}

void RingQueue::commit_finished() {
  std::vector<std::size_t> finished;
  {
    MutexLock lock(mutex_);
    finished.swap(finished_);
  }
  for (const std::size_t entry : finished) {
    --with_workers_;
    commit(entry);
  }
}

void RingQueue::commit(std::size_t index) {
  RingEntry& entry = entries_[index];
  if (!entry.answered()) {
    log(LogLevel::error, "request {} of kind {} was left without an answer", entry.unique(),
        entry.header().opcode);
    entry.answer(fail(EIO));
  }
  ring_->submit(command(fd_, kRingCommitAndFetch, entry.commit_id(), processor_), index);
  ++with_kernel_;
  ++answers_;
}

}  // namespace ciaos::fuse
