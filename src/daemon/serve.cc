#include "daemon/serve.h"

#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

#include "base/log.h"
#include "base/mutex.h"
#include "base/service_manager.h"
#include "daemon/daemon_side.h"
#include "daemon/open_engine.h"
#include "daemon/returned_memory.h"
#include "daemon/signals.h"
#include "fuse/server.h"
#include "rpc/protocol.h"
#include "rpc/server.h"
#include "store/command_ring.h"

namespace ciaos::daemon {
namespace {

Result<std::string> absolute(const std::string& path) {
  const std::unique_ptr<char, decltype(&::free)> resolved(::realpath(path.c_str(), nullptr), &::free);
  if (resolved == nullptr) return fail(errno, path);
  return std::string(resolved.get());
}

constexpr std::string_view kFlushing = "making everything durable";

// An fsync keeps one waiting until the commit that it shares with others is durable; meanwhile these others have to come in.
unsigned request_threads() { return std::clamp(16 * std::thread::hardware_concurrency(), 16u, 64u); }

// What a process inherits from whoever started it, and a daemon must not depend on.
void settle_process() {
  ::signal(SIGPIPE, SIG_IGN);
  // Volumes and index hold everybody's data; whoever may read what is decided in the mount, not below it.
  ::umask(077);
  if (::chdir("/") != 0)
    log(LogLevel::warning, "the working directory stays in use: {}", to_string(fail(errno, "/")));
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
}

// Ends the process where it is. What is durable stays so, and the next start recovers the rest.
[[noreturn]] void end_before_serving(Announcement& announcement) {
  announcement.failed({ExitCode::failure, "stopped by a signal before the mount was ready"});
  ::_exit(static_cast<int>(ExitCode::failure));
}

// The longest part of `path` that exists without symlinks, and the rest as it is.
std::string resolved(const std::string& path) {
  std::error_code error;
  const std::filesystem::path real = std::filesystem::weakly_canonical(path, error);
  return error ? path : real.string();
}

// What is known only when the superblocks were read.
Status check_places(const Plan& plan, const OpenedStore& store) {
  if (plan.store.backend == Backend::mock)
    return check_not_hidden(plan.mountpoint, {"index", store.index_of_mock.path()});
  if (store.options.read_only)
    TRY_VOID(
        check_not_hidden(plan.mountpoint, {"scratch folder", resolved(store.options.scratch_directory)}));
  return check_apart(plan.mountpoint, {"index", resolved(store.options.index_directory)});
}

ExitCode close_engine(engine::Engine& engine, const std::string& store_name) {
  const Status closed = engine.close();
  if (closed) {
    log(LogLevel::info, "{}: unmounted, everything is on stable storage", store_name);
    return ExitCode::success;
  }
  log(LogLevel::error, "{}: not everything could be written, what was not fsynced may be lost: {}",
      store_name, to_string(closed.error()));
  return ExitCode::usage;
}

// A thread may be inside one of these when serve() goes on: the signal thread is always ended first.
struct Signalled {
  explicit Signalled(Announcement& the_announcement) : announcement(the_announcement) {}

  Announcement& announcement;
  std::atomic<fuse::FuseServer*> mount{nullptr};
  std::atomic<engine::Engine*> engine{nullptr};
  Mutex mounting;  // held from mount(2) until `mount` is set, so that no signal leaves a mount behind
  Mutex mutex;
  CondVar changed;
  bool serving GUARDED_BY(mutex) = false;  // without a mount: stop() ends it
  bool stopping GUARDED_BY(mutex) = false;

  void stop() {
    if (engine == nullptr) {
      MutexLock lock(mounting);
      if (fuse::FuseServer* server = mount) server->give_up();
      end_before_serving(announcement);
    }
    if (fuse::FuseServer* server = mount) return server->stop();
    MutexLock lock(mutex);
    if (!serving) end_before_serving(announcement);
    stopping = true;
    changed.notify_all();
  }
  void wait_for_stop() {
    MutexLock lock(mutex);
    while (!stopping) changed.wait(mutex);
  }
  void begin_serving() {
    MutexLock lock(mutex);
    serving = true;
  }
};

// Programs reach a mounted store through its socket, if there can be one: a mount without it is still a mount.
Result<std::unique_ptr<rpc::Server>> listen(const Plan& plan, const Uuid& uuid, engine::Engine& engine,
                                            fuse::FuseServer* server) {
  rpc::ServerOptions options;
  options.path = plan.options.socket.empty() ? TRY(rpc::socket_path(uuid)) : plan.options.socket;
  options.stores = plan.store.paths;
  options.user = plan.options.socket_user;
  options.mountpoint = plan.mountpoint;
  options.daemon = daemon_side(plan, server);
  return rpc::Server::listen(engine, options);
}

// Names and attributes are within reach of a request. A device that is slow or refuses is no reason to end.
bool answers(engine::Engine& engine) { return engine.getattr(kRootInode).ok(); }

// Returns when the mount has ended.
Status serve_mount(const Plan& plan, const Uuid& uuid, engine::Engine& engine, fuse::FuseServer& server,
                   Announcement& announcement, ServiceManager& manager) {
  engine.watch(server.watch());
  std::unique_ptr<rpc::Server> socket;
  if (plan.options.socket != "none") {
    auto listening = listen(plan, uuid, engine, &server);
    if (listening) {
      socket = std::move(listening).value();
    } else {
      log(LogLevel::warning, "programs cannot reach this store: {}", to_string(listening.error()));
    }
  }
  Status served = server.run(engine, [&](const Status& answered) {
    if (answered) {
      log(LogLevel::info, "{} is mounted on {}", plan.store_name, plan.mountpoint);
      announcement.ready();
      manager.ready("mounted on " + plan.mountpoint, [&engine] { return answers(engine); });
    } else {
      server.stop();
      announcement.failed(failure_of(Step::mount, answered.error(), plan.mountpoint));
    }
  });
  engine.end_long_work();
  return served;
}

Status mount(const Plan& plan, Signalled& signalled, std::unique_ptr<fuse::FuseServer>& server) {
  const fuse::ServerOptions options{.mountpoint = plan.mountpoint,
                                    .options = fuse_options(plan.options, plan.store_name, ::geteuid() == 0),
                                    .threads_max = request_threads(),
                                    .open_mode = plan.options.open_mode,
                                    .rings = plan.options.rings,
                                    .make_ring = store::make_command_ring,
                                    .slow_ns = plan.options.slow_ms * 1'000'000};
  MutexLock lock(signalled.mounting);
  server = TRY(fuse::FuseServer::mount(options));
  signalled.mount = server.get();
  return {};
}

// What `mem=` says, and most of what the process may have on top of that.
std::uint64_t memory_bytes(const engine::Options& options) {
  return options.dirty_bytes_max + options.inode_cache_bytes + options.header_cache_bytes + (128u << 20);
}

Status show_subdir(const MountOptions& options, engine::Engine& engine) {
  if (options.subdir.empty()) return {};
  const Status shown = engine.show_directory(options.subdir);
  if (shown) return {};
  const char* const why = shown.code() == ENOENT    ? "there is no such directory in the store"
                          : shown.code() == ENOTDIR ? "is not a directory of the store"
                                                    : "cannot be read";
  return fail(shown.code(), fmt::format("subdir={}: {}", options.subdir, why));
}

}  // namespace

std::variant<Plan, Failure> make_plan(const CommandLine& line, const MountOptions& options,
                                      const Environment& environment) {
  auto store = choose_store(line, options, environment);
  if (!store) return failure_of(Step::command_line, store.error(), "");
  Plan plan{.store = *store, .store_name = "mock", .mountpoint = {}, .options = options};

  if (!line.no_mount) {
    auto mountpoint = absolute(line.mountpoint);
    if (!mountpoint) return failure_of(Step::mount, mountpoint.error(), line.mountpoint);
    plan.mountpoint = *mountpoint;
    const Status mountable = fuse::check_mountable(plan.mountpoint);
    if (!mountable) return failure_of(Step::mount, mountable.error(), plan.mountpoint);
  }

  for (std::string& path : plan.store.paths) {
    auto real = absolute(path);
    if (!real) return failure_of(Step::open_store, real.error(), path);
    if (!line.no_mount) {
      const Status apart = check_apart(plan.mountpoint, {"store", *real});
      if (!apart) return failure_of(Step::mount, apart.error(), plan.mountpoint);
    }
    path = *real;
  }
  const Status distinct = check_named_once(plan.store.paths);
  if (!distinct) return failure_of(Step::command_line, distinct.error(), "");
  if (!plan.store.paths.empty()) plan.store_name = plan.store.paths.front();
  return plan;
}

ExitCode serve(const Plan& plan, Announcement& announcement) {
  settle_process();
  ServiceManager manager(ServiceManager::take_request());
  if (!plan.store.warning.empty()) log(LogLevel::warning, "{}", plan.store.warning);

  Signalled signalled(announcement);
  std::optional<SignalThread> signals(
      std::in_place, [&] { signalled.stop(); },
      [&] {
        if (engine::Engine* engine = signalled.engine) engine->drop_caches();
        if (const fuse::FuseServer* server = signalled.mount)
          log(LogLevel::debug, "requests: {}", server->requests());
      });

  SystemClock clock;
  std::unique_ptr<fuse::FuseServer> server;
  auto store = open_store(plan.store, plan.options, clock);
  std::unique_ptr<engine::Engine> engine;
  const auto give_up = [&](Step step, const Error& error, const std::string& subject) {
    const Failure failure = failure_of(step, error, subject);
    signals.reset();
    server.reset();
    // Closed before it is said: whoever hears of the failure finds the store free.
    if (engine != nullptr) close_engine(*engine, plan.store_name);
    engine.reset();
    store = fail(ECANCELED);
    announcement.failed(failure);
    return failure.code;
  };
  if (!store) return give_up(Step::open_store, store.error(), plan.store_name);

  // Before the store is opened, since that changes it. Whoever enters the mount meanwhile waits.
  if (!plan.mountpoint.empty()) {
    if (const Status apart = check_places(plan, *store); !apart)
      return give_up(Step::mount, apart.error(), plan.mountpoint);
    const Status mounted = mount(plan, signalled, server);
    if (!mounted) return give_up(Step::mount, mounted.error(), plan.mountpoint);
  }
  auto opened = open_engine(*store, clock);
  if (!opened) return give_up(Step::open_store, opened.error(), plan.store_name);
  engine = std::move(opened).value();
  signalled.engine = engine.get();
  const ReturnedMemory returned(memory_bytes(plan.options.engine));
  if (server != nullptr) {
    if (const Status shown = show_subdir(plan.options, *engine); !shown)
      return give_up(Step::mount, shown.error(), plan.mountpoint);
  }

  if (plan.mountpoint.empty()) {
    auto socket = listen(plan, store->uuid, *engine, nullptr);
    if (!socket) return give_up(Step::open_store, socket.error(), plan.store_name);
    log(LogLevel::info, "{} is served at {}", plan.store_name, (*socket)->path());
    signalled.begin_serving();
    announcement.ready();
    manager.ready("serving " + (*socket)->path(), [&engine] { return answers(*engine); });
    signalled.wait_for_stop();
    manager.stopping(kFlushing);
    signals.reset();
    engine->end_long_work();
    (*socket).reset();
    return close_engine(*engine, plan.store_name);
  }
  const Status served = serve_mount(plan, store->uuid, *engine, *server, announcement, manager);
  manager.stopping(kFlushing);
  signals.reset();
  server.reset();
  if (!served) log(LogLevel::error, "{}", to_string(served.error()));
  return close_engine(*engine, plan.store_name);
}

}  // namespace ciaos::daemon
