#include "fuse/ring_transport.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "base/unimportant.h"
#include "base/unique_fd.h"
#include "fuse/ring_reads.h"
#include "fuse/ring_verbs.h"
#include "fuse/session.h"
#include "fuse/statx.h"
#include "fuse/tmpfile.h"

namespace ciaos::fuse {
namespace {

constexpr const char* kSwitch = "/sys/module/fuse/parameters/enable_uring";
constexpr std::size_t kEntriesInAll = 64;
constexpr std::size_t kWorkersMax = 32;

// Also those that are not plugged in: the kernel counts them.
std::size_t possible_processors() {
  return static_cast<std::size_t>(std::max(1L, ::sysconf(_SC_NPROCESSORS_CONF)));
}

Result<bool> switch_is_on() {
  const UniqueFd fd(::open(kSwitch, O_RDONLY | O_CLOEXEC));
  char value = 0;
  if (!fd.valid() || ::read(fd.get(), &value, 1) != 1) return fail(EOPNOTSUPP, "this kernel has none");
  return value == 'Y' || value == '1';
}

}  // namespace

Status prepare_kernel_for_rings(Rings wanted) {
  if (TRY(switch_is_on())) return {};
  if (wanted != Rings::on) return fail(EOPNOTSUPP, "the kernel's switch for them is off");
  const UniqueFd fd(::open(kSwitch, O_WRONLY | O_CLOEXEC));
  if (!fd.valid() || ::write(fd.get(), "Y", 1) != 1)
    return fail(EACCES, std::string(kSwitch) + " cannot be turned on");
  return {};
}

Result<std::unique_ptr<RingTransport>> RingTransport::make(const CommandRingMaker& maker) {
  auto transport = std::unique_ptr<RingTransport>(new RingTransport());
  const std::size_t count = possible_processors();
  const std::size_t depth = std::clamp<std::size_t>(kEntriesInAll / count, 4, 16);
  LastQueues* const asked = count > 1 && Unimportant::possible() ? &transport->asked_ : nullptr;
  for (std::size_t processor = 0; processor < count; ++processor) {
    transport->queues_.push_back(
        TRY(RingQueue::make(maker, static_cast<unsigned>(processor), depth, kRequestBytesMax, asked)));
  }
  return transport;
}

RingTransport::~RingTransport() { stop(); }

void RingTransport::start(fuse_session* session, Session& userdata, int fd) {
  session_ = session;
  userdata_ = &userdata;
  fd_ = fd;
  started_ = true;
  for (std::size_t i = 0; i < std::min(kWorkersMax, 16 * queues_.size()); ++i)
    workers_.emplace_back([this] { work(); });
  for (const auto& queue : queues_) {
    RingQueue::Hooks hooks;
    const auto reads = std::make_shared<RingReads>(userdata, queue->depth());
    hooks.serve = [this, reads](RingQueue& its, std::size_t entry, ByteSpan request, bool crowded) {
      const Job job{&its, entry, request, TimedRequest::begun(request)};
      if (const auto wanted = short_read(request)) {
        const auto served = reads->serve(its, entry, *wanted, job.timed);
        if (served == RingQueue::Served::answered) serve(job);
        if (served) return *served;
      }
      return serve_or_hand_over(job, crowded);
    };
    hooks.resume = [reads](RingQueue& its, std::size_t entry) { return reads->resume(its, entry); };
    hooks.refused = [this](const Error& error) {
      // The kernel was told that there are rings, and there is no way back.
      log(LogLevel::error, "the mount ends, for the kernel refuses {}; rings=off does without",
          to_string(error));
      fuse_session_exit(session_);
    };
    queue->start(fd, std::move(hooks));
  }
}

void RingTransport::stop() {
  if (!started_) return;
  for (const auto& queue : queues_) queue->stop();
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    more_.notify_all();
  }
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
  queues_.clear();
  started_ = false;
}

RingQueue::Served RingTransport::serve_or_hand_over(const Job& job, bool crowded) {
  if (is_quick(*userdata_->engine, job.request, crowded)) {
    serve(job);
    return RingQueue::Served::answered;
  }
  hand_over(job);
  return RingQueue::Served::handed_over;
}

void RingTransport::hand_over(const Job& job) {
  MutexLock lock(mutex_);
  jobs_.push_back(job);
  more_.notify_one();
}

void RingTransport::work() {
  while (true) {
    Job job;
    {
      MutexLock lock(mutex_);
      while (jobs_.empty() && !stopping_) more_.wait(mutex_);
      if (jobs_.empty()) return;
      job = jobs_.front();
      jobs_.pop_front();
    }
    serve(job);
    job.queue->finished(job.entry);
  }
}

void RingTransport::serve(const Job& job) {
  answer(job);
  userdata_->times.finished(job.timed, job.queue->entry(job.entry).reply_bytes());
}

void RingTransport::answer(const Job& job) {
  RingEntry& entry = job.queue->entry(job.entry);
  const AnswersTo answers(entry, entry.unique());
  if (job.request.empty()) return entry.answer(fail(EIO));
  userdata_->requests.add(entry.header().opcode);
  if (answer_tmpfile(*userdata_, fd_, job.request) || answer_statx(*userdata_, fd_, job.request)) return;
  fuse_buf request{};
  request.size = job.request.size();
  request.mem = const_cast<std::byte*>(job.request.data());
  fuse_session_process_buf(session_, &request);
}

}  // namespace ciaos::fuse
