#include "fuse/server.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <optional>
#include <thread>

#include "base/log.h"
#include "base/unique_fd.h"
#include "fuse/captured_errors.h"
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

// linux/Documentation/admin-guide/devices.txt
bool is_fuse_device(const struct stat& about) {
  return S_ISCHR(about.st_mode) && about.st_rdev == makedev(10, 229);
}

Status check_fuse_device() {
  struct stat about {};
  if (::stat("/dev/fuse", &about) == 0 && !is_fuse_device(about))
    return fail(ENODEV, "/dev/fuse is something else than the device of FUSE");
  const UniqueFd fd(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (fd.valid()) return {};
  // ENODEV and ENXIO: there is a node and no module behind it.
  return fail(errno == ENOENT || errno == ENXIO ? ENODEV : errno, "/dev/fuse");
}

// What the kernel remembers of a mount whose daemon has died would look like a directory: so whoever serves it is asked.
Status check_mountpoint(const std::string& path) {
  struct statx about {};
  if (::statx(AT_FDCWD, path.c_str(), AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &about) != 0)
    return fail(errno, path);
  if (!S_ISDIR(about.stx_mode)) return fail(ENOTDIR, path);
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

// Before mount(2), which says once and for all what the kernel offers.
Status prepare_for_rings(const ServerOptions& options) {
  if (options.rings == Rings::off || !options.make_ring) return fail(EOPNOTSUPP, "rings=off");
  if (!can_hook_init()) return fail(EOPNOTSUPP, "this libfuse lets nobody add to its INIT");
  return prepare_kernel_for_rings(options.rings);
}

// Null, and why in the log, where requests will come by /dev/fuse.
std::unique_ptr<RingTransport> rings_for(const ServerOptions& options, const Status& kernel) {
  const auto without = [&](const Error& error) {
    log(options.rings == Rings::on ? LogLevel::warning : LogLevel::info, "requests come by /dev/fuse: {}",
        to_string(error));
    return nullptr;
  };
  if (!kernel) return without(kernel.error());
  auto rings = RingTransport::make(options.make_ring);
  if (!rings) return without(rings.error());
  return std::move(rings).value();
}

constexpr int kQuietMs = 100;
constexpr int kQuietRoundsMax = 100;

// syncfs(2) on FUSE sends dirty pages and does not wait for them. Requests come in their order, so behind the answer to one
// more all that were sent have been read; those that waited for their turn come until none does.
void wait_for_writeback(int root, const RequestCounts& requests) {
  for (int round = 0; round < kQuietRoundsMax; ++round) {
    const std::uint64_t before = requests.of(FUSE_WRITE);
    struct statx about {};
    if (::statx(root, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &about) != 0) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(kQuietMs));
    if (requests.of(FUSE_WRITE) == before) return;
  }
}

}  // namespace

Status check_mountable(const std::string& mountpoint) {
  TRY_VOID(check_fuse_device());
  return check_mountpoint(mountpoint);
}

struct FuseServer::State {
  explicit State(const ServerOptions& the_options)
      : options(the_options), userdata(the_options.open_mode, the_options.slow_ns) {}

  // libfuse unmounts whatever is at the path. What somebody mounted over ours is not ours to take away: then only the
  // connection is closed, and what is left of our mount shows when the other one goes.
  void end_mount() {
    if (device_at(options.mountpoint) == device) return fuse_session_unmount(session.get());
    pollfd connection{.fd = fuse_session_fd(session.get()), .events = 0, .revents = 0};
    const bool unmounted = ::poll(&connection, 1, 0) == 1 && (connection.revents & POLLERR) != 0;
    if (!unmounted)
      log(LogLevel::warning, "{}: something else is mounted over it, and stays; umount both",
          options.mountpoint);
    const UniqueFd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!nothing.valid()) return;  // destroying the session closes it
    // In place, since the session holds the number until it is destroyed.
    ::dup3(nothing.get(), fuse_session_fd(session.get()), O_CLOEXEC);
  }

  // Whoever still waits for an answer gets ENOTCONN.
  void abort_connection() const {
    if (device_at(options.mountpoint) == device) ::umount2(options.mountpoint.c_str(), MNT_FORCE);
  }

  const ServerOptions options;
  Session userdata;
  SessionPointer session;  // constant after mount()

  Status rings_prepared;  // constant after mount()
  dev_t device = 0;       // constant after mount(); tells our mount from what else may be at that path

  Mutex mutex;
  CondVar loop_ended;
  bool mounted GUARDED_BY(mutex) = false;
  bool looping GUARDED_BY(mutex) = false;
  pthread_t loop_thread GUARDED_BY(mutex) = {};
};

FuseServer::FuseServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

FuseServer::~FuseServer() {
  MutexLock lock(state_->mutex);
  if (state_->mounted) state_->end_mount();
}

Result<std::unique_ptr<FuseServer>> FuseServer::mount(const ServerOptions& options) {
  TRY_VOID(check_mountable(options.mountpoint));
  fuse_set_log_func(take_libfuse_line);

  std::string said;
  complaint = &said;
  auto state = std::make_unique<State>(options);
  state->rings_prepared = prepare_for_rings(options);
  CapturedErrors printed;
  auto session = mounted_session(state->userdata, options);
  const std::string helper_said = printed.taken();
  complaint = nullptr;
  // Its words come first: what libfuse has to say, errno too, is about the program that it started.
  if (!session && !helper_said.empty()) return fail(EPERM, options.mountpoint + ": " + helper_said);
  if (!session) return fail(session.code(), options.mountpoint + (said.empty() ? "" : ": " + said));
  state->session = std::move(session).value();
  state->userdata.handle = state->session.get();

  state->device = device_at(options.mountpoint).value_or(0);
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
  raise_read_ahead(state_->device);
  if (state_->options.open_mode == OpenMode::passthrough && !state_->userdata.passthrough_possible)
    return on_ready(with_context(state_->userdata.passthrough_possible.error(), "open=passthrough"));
  on_ready({});
}

Status FuseServer::run(engine::Engine& engine, const std::function<void(const Status&)>& on_ready) {
  state_->userdata.engine = &engine;
  state_->userdata.rings = rings_for(state_->options, state_->rings_prepared);
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
  // While the connection is still there, so that what is being worked on gets its answer.
  if (state_->userdata.rings != nullptr) state_->userdata.rings->stop();
  // It tells the kernel by the session's descriptor.
  if (state_->userdata.passthrough != nullptr)
    state_->userdata.passthrough->end([this] { state_->abort_connection(); });
  // Closes the connection first, which ends every call that still waits for an answer, the announcer's too.
  state_->end_mount();
  announcer.join();
  if (result < 0) return fail(-result, state_->options.mountpoint);
  return {};
}

void FuseServer::give_up() {
  MutexLock lock(state_->mutex);
  if (!state_->mounted || state_->looping) return;
  state_->mounted = false;
  state_->end_mount();
}

std::string FuseServer::requests() const { return state_->userdata.requests.text(); }

std::string FuseServer::transport() const {
  const Session& session = state_->userdata;
  return session.rings != nullptr && session.rings->started() ? "rings" : "/dev/fuse";
}

RequestTimes& FuseServer::times() { return state_->userdata.times; }

bool FuseServer::opens_are_told() const { return !state_->userdata.open_unneeded; }

std::uint64_t FuseServer::passed_files() const {
  const Passthrough* const passthrough = state_->userdata.passthrough.get();
  return passthrough != nullptr ? passthrough->passed() : 0;
}

void FuseServer::stop() {
  const std::string& mountpoint = state_->options.mountpoint;
  if (device_at(mountpoint) == state_->device) {
    {
      const UniqueFd root(::open(mountpoint.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (root.valid()) {
        ::syncfs(root.get());
        wait_for_writeback(root.get(), state_->userdata.requests);
      }
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
