#include "fuse/server.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <optional>
#include <thread>

#include "base/log.h"
#include "base/unique_fd.h"
#include "fuse/init_hook.h"
#include "fuse/libfuse.h"
#include "fuse/mount_options.h"
#include "fuse/operations.h"
#include "fuse/session.h"

namespace ciaos::fuse {
namespace {

// Enough to keep several requests of the largest size under way; the kernel's own default is an eighth of one.
constexpr int kReadAheadKib = 1024;
constexpr std::uint64_t kWakeUpEveryMs = 20;
// Interrupts the wait inside libfuse's loop; nothing else of ours uses it.
constexpr int kWakeUpSignal = SIGURG;

// While this thread mounts, libfuse's complaints are kept for the error that mount() returns.
thread_local std::string* complaint = nullptr;

void take_libfuse_line(fuse_log_level level, const char* format, va_list arguments) {
  char line[512];
  int length = std::vsnprintf(line, sizeof line, format, arguments);
  length = std::min<int>(length, sizeof line - 1);
  while (length > 0 && line[length - 1] == '\n') --length;
  if (length <= 0) return;
  const std::string_view text(line, static_cast<std::size_t>(length));
  if (complaint != nullptr && level <= FUSE_LOG_WARNING) {
    *complaint = text;
  } else {
    log_line(level <= FUSE_LOG_ERR ? LogLevel::warning : LogLevel::debug, text);
  }
}

Status check_fuse_device() {
  const UniqueFd fd(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (fd.valid()) return {};
  // ENODEV and ENXIO: there is a node and no module behind it.
  return fail(errno == ENOENT || errno == ENXIO ? ENODEV : errno, "/dev/fuse");
}

Status check_mountpoint(const std::string& path) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0) return fail(errno, path);
  if (!S_ISDIR(about.st_mode)) return fail(ENOTDIR, path);
  return {};
}

// The device number of the filesystem mounted at `path`, without asking that filesystem.
std::optional<dev_t> device_at(const std::string& path) {
  struct statx about {};
  if (::statx(AT_FDCWD, path.c_str(), AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 0, &about) != 0)
    return std::nullopt;
  return makedev(about.stx_dev_major, about.stx_dev_minor);
}

// Best effort: a user without the right to it has the kernel's default.
void raise_read_ahead(dev_t device) {
  const std::string path = fmt::format("/sys/class/bdi/{}:{}/read_ahead_kb", major(device), minor(device));
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  const std::string value = std::to_string(kReadAheadKib);
  if (!fd.valid() || ::write(fd.get(), value.data(), value.size()) < 0) {
    log(LogLevel::debug, "read-ahead stays at the kernel's default: {} cannot be written", path);
  }
}

struct SessionEnd {
  void operator()(fuse_session* session) const { fuse_session_destroy(session); }
};
struct LoopConfigEnd {
  void operator()(fuse_loop_config* config) const { fuse_loop_cfg_destroy(config); }
};
using SessionPointer = std::unique_ptr<fuse_session, SessionEnd>;

Result<SessionPointer> mounted_session(Session& userdata, const ServerOptions& options) {
  std::string text = "-o" + joined_mount_options(options.options);
  char name[] = "ciaosfs";
  char* argv[] = {name, text.data(), nullptr};
  fuse_args args{.argc = options.options.empty() ? 1 : 2, .argv = argv, .allocated = 0};
  const fuse_lowlevel_ops table = operations();
  SessionPointer session(fuse_session_new(&args, &table, sizeof table, &userdata));
  fuse_opt_free_args(&args);
  if (session == nullptr) return fail(EINVAL);
  errno = 0;
  if (fuse_session_mount(session.get(), options.mountpoint.c_str()) != 0)
    return fail(errno != 0 ? errno : EIO);
  return session;
}

}  // namespace

Status check_mountable(const std::string& mountpoint) {
  TRY_VOID(check_fuse_device());
  return check_mountpoint(mountpoint);
}

struct FuseServer::State {
  State(engine::Engine& engine, const ServerOptions& the_options)
      : options(the_options), userdata(engine, the_options.open_mode) {}

  const ServerOptions options;
  Session userdata;
  SessionPointer session;  // constant after mount()

  // Set once by the thread that announces the mount; 0 before. Tells our mount from what else may be at that path.
  std::atomic<dev_t> device{0};

  Mutex mutex;
  CondVar loop_ended;
  bool mounted GUARDED_BY(mutex) = false;
  bool looping GUARDED_BY(mutex) = false;
  pthread_t loop_thread GUARDED_BY(mutex) = {};
};

FuseServer::FuseServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

FuseServer::~FuseServer() {
  MutexLock lock(state_->mutex);
  if (state_->mounted) fuse_session_unmount(state_->session.get());
}

Result<std::unique_ptr<FuseServer>> FuseServer::mount(engine::Engine& engine, const ServerOptions& options) {
  TRY_VOID(check_mountable(options.mountpoint));
  fuse_set_log_func(take_libfuse_line);

  std::string said;
  complaint = &said;
  auto state = std::make_unique<State>(engine, options);
  auto session = mounted_session(state->userdata, options);
  complaint = nullptr;
  if (!session) return fail(session.code(), options.mountpoint + (said.empty() ? "" : ": " + said));
  state->session = std::move(session).value();

  install_init_hook(state->session.get());
  MutexLock lock(state->mutex);
  state->mounted = true;
  return std::unique_ptr<FuseServer>(new FuseServer(std::move(state)));
}

// The kernel knows most of what changes by asking for it itself. What it does not know of, it refuses; that is no error.
engine::Watch FuseServer::watch() {
  fuse_session* session = state_->session.get();
  return {.name_changed =
              [session](InodeId parent, const std::string& name) {
                fuse_lowlevel_notify_inval_entry(session, parent.value(), name.data(), name.size());
              },
          .inode_changed =
              [session](InodeId inode) {
                fuse_lowlevel_notify_inval_inode(session, inode.value(), /*off=*/0, /*len=*/0);
              }};
}

// One question through the kernel: it comes back only after INIT and this request were answered.
void FuseServer::announce(const std::function<void(const Status&)>& on_ready) {
  struct stat root {};
  if (::stat(state_->options.mountpoint.c_str(), &root) != 0) {
    on_ready(fail(errno, state_->options.mountpoint));
    return;
  }
  state_->device = root.st_dev;
  raise_read_ahead(root.st_dev);
  on_ready({});
}

Status FuseServer::run(const std::function<void(const Status&)>& on_ready) {
  struct sigaction wake_up {};
  wake_up.sa_handler = [](int) {};
  ::sigaction(kWakeUpSignal, &wake_up, nullptr);
  {
    MutexLock lock(state_->mutex);
    state_->looping = true;
    state_->loop_thread = ::pthread_self();
  }
  std::thread announcer([&] { announce(on_ready); });

  const std::unique_ptr<fuse_loop_config, LoopConfigEnd> config(fuse_loop_cfg_create());
  fuse_loop_cfg_set_clone_fd(config.get(), 0);
  fuse_loop_cfg_set_max_threads(config.get(), state_->options.threads_max);
  const int result = fuse_session_loop_mt(state_->session.get(), config.get());

  {
    MutexLock lock(state_->mutex);
    state_->looping = false;
    state_->mounted = false;
    state_->loop_ended.notify_all();
  }
  // Closes the connection first, which ends every call that still waits for an answer, the announcer's too.
  fuse_session_unmount(state_->session.get());
  announcer.join();
  if (result < 0) return fail(-result, state_->options.mountpoint);
  return {};
}

std::string FuseServer::requests() const { return state_->userdata.requests.text(); }

void FuseServer::stop() {
  const std::string& mountpoint = state_->options.mountpoint;
  const dev_t device = state_->device;
  if (device != 0 && device_at(mountpoint) == device) {
    {
      const UniqueFd root(::open(mountpoint.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (root.valid()) ::syncfs(root.get());
    }
    // The gentle way, which lets the kernel finish. Busy, or not ours to unmount: run() cuts the connection then.
    ::umount2(mountpoint.c_str(), UMOUNT_NOFOLLOW);
  }
  fuse_session_exit(state_->session.get());
  MutexLock lock(state_->mutex);
  while (state_->looping) {
    // libfuse looks at its exit flag, then waits: a signal that comes between the two is lost, so one is not enough.
    ::pthread_kill(state_->loop_thread, kWakeUpSignal);
    state_->loop_ended.wait_for(state_->mutex, kWakeUpEveryMs);
  }
}

}  // namespace ciaos::fuse
