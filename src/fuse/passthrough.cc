#include "fuse/passthrough.h"

#include <linux/capability.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>

#include "base/log.h"
#include "engine/twins.h"
#include "fuse/init_hook.h"
#include "fuse/session.h"

namespace ciaos::fuse {
namespace {

// Of include/uapi/linux/fuse.h since Linux 6.9, which Debian 12's header is older than.
struct BackingMap {  // fuse_backing_map
  std::int32_t fd = -1;
  std::uint32_t flags = 0;
  std::uint64_t padding = 0;
};
constexpr unsigned long kBackingOpen = _IOW(229, 1, BackingMap);
constexpr unsigned long kBackingClose = _IOW(229, 2, std::uint32_t);

// Those that are too many are not done: nobody misses them.
constexpr std::size_t kChoresMax = 4096;
// What one takes at most, if nobody is waited for.
constexpr std::uint64_t kChoreMs = 1000;

bool is_privileged() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return false;
  return (sets[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective & CAP_TO_MASK(CAP_SYS_ADMIN)) != 0;
}

}  // namespace

Status check_passthrough(const Session& session) {
  if (!can_hook_init()) return fail(EOPNOTSUPP, "this libfuse lets nobody add to its INIT");
  if ((session.kernel_offers & kOfferPassthrough) == 0)
    return fail(EOPNOTSUPP, "this kernel has no passthrough (Linux 6.9)");
  if (!is_privileged()) return fail(EPERM, "it takes CAP_SYS_ADMIN");
  return session.engine->twins().check_possible();
}

// The kernel's number for a twin, as long as this.
class Passthrough::Backing {
 public:
  static std::unique_ptr<Backing> of(int fd, std::shared_ptr<const engine::Twin> twin) {
    const BackingMap map{.fd = twin->descriptor()};
    const int id = ::ioctl(fd, kBackingOpen, &map);
    if (id <= 0) return nullptr;
    return std::unique_ptr<Backing>(new Backing(fd, id, std::move(twin)));
  }
  ~Backing() {
    const auto id = static_cast<std::uint32_t>(id_);
    ::ioctl(fd_, kBackingClose, &id);
  }
  std::int32_t id() const { return id_; }

 private:
  Backing(int fd, std::int32_t id, std::shared_ptr<const engine::Twin> twin)
      : fd_(fd), id_(id), twin_(std::move(twin)) {}
  const int fd_;
  const std::int32_t id_;
  const std::shared_ptr<const engine::Twin> twin_;  // so that it is kept for whoever opens the file meanwhile
};

Passthrough::Passthrough(engine::Engine& engine, fuse_session* session) : engine_(engine), session_(session) {
  engine_.twins().begin([this](InodeId inode, std::uint64_t begin, std::uint64_t end) {
    add({inode, begin, end});
  });
  worker_ = std::thread([this] { work(); });
}
Passthrough::~Passthrough() {
  end([] {});
}

std::int32_t Passthrough::opened(const engine::Attributes& file) {
  std::shared_ptr<const engine::Twin> twin = engine_.twins().open(file);
  MutexLock lock(mutex_);
  File& opens = files_[file.inode];
  if (opens.passed == 0 && opens.cached == 0 && twin != nullptr && !refused_) {
    opens.backing = Backing::of(fuse_session_fd(session_), std::move(twin));
    refused_ = opens.backing == nullptr;
    if (refused_)
      log(LogLevel::warning, "the kernel reads no file by itself: {}", to_string(fail(errno, "passthrough")));
  }
  if (opens.backing == nullptr) {
    ++opens.cached;
    return 0;
  }
  ++opens.passed;
  return opens.backing->id();
}

void Passthrough::closed(InodeId inode, std::uint64_t handle) {
  MutexLock lock(mutex_);
  const auto found = files_.find(inode);
  if (found == files_.end()) return;
  File& opens = found->second;
  --(handle == kPassedHandle ? opens.passed : opens.cached);
  if (opens.passed == 0) opens.backing.reset();
  if (opens.passed > 0 || opens.cached > 0) return;
  files_.erase(found);
  if (handle == kPassedHandle) return;
  if (chores_.size() < kChoresMax) chores_.push_back({.inode = inode});
  more_.notify_one();
}

void Passthrough::end(const std::function<void()>& abort) {
  if (!worker_.joinable()) return;
  bool late = false;
  {
    MutexLock lock(mutex_);
    files_.clear();
    chores_.clear();
    ending_ = true;
    more_.notify_one();
    if (!ended_) done_.wait_for(mutex_, kChoreMs);
    late = !ended_;
  }
  if (late) abort();
  worker_.join();
}

void Passthrough::add(const Chore& chore) {
  MutexLock lock(mutex_);
  if (ending_ || chores_.size() >= kChoresMax) return;
  chores_.push_back(chore);
  more_.notify_one();
}

bool Passthrough::goes_on() const {
  MutexLock lock(mutex_);
  return !ending_;
}

void Passthrough::work() {
  while (true) {
    Chore chore;
    {
      MutexLock lock(mutex_);
      while (chores_.empty() && !ending_) more_.wait(mutex_);
      if (ending_) {
        ended_ = true;
        done_.notify_one();
        return;
      }
      chore = chores_.front();
      chores_.pop_front();
    }
    if (chore.end == 0) {
      engine_.twins().finish(chore.inode, [this] { return goes_on(); });
    } else {
      // An inode that the kernel has forgotten has no pages.
      (void)fuse_lowlevel_notify_inval_inode(session_, chore.inode.value(), static_cast<off_t>(chore.begin),
                                             static_cast<off_t>(chore.end - chore.begin));
    }
  }
}

std::uint64_t Passthrough::passed() const {
  MutexLock lock(mutex_);
  std::uint64_t count = 0;
  for (const auto& [inode, opens] : files_) count += opens.passed;
  return count;
}

}  // namespace ciaos::fuse
