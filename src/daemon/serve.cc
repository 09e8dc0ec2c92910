#include "daemon/serve.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <thread>

#include "base/log.h"
#include "base/mutex.h"
#include "daemon/open_engine.h"
#include "daemon/signals.h"
#include "fuse/server.h"
#include "rpc/protocol.h"
#include "rpc/server.h"

namespace ciaos::daemon {
namespace {

Result<std::string> absolute(const std::string& path) {
  const std::unique_ptr<char, decltype(&::free)> resolved(::realpath(path.c_str(), nullptr), &::free);
  if (resolved == nullptr) return fail(errno, path);
  return std::string(resolved.get());
}

unsigned request_threads() { return std::clamp(4 * std::thread::hardware_concurrency(), 4u, 16u); }

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
[[noreturn]] void end_before_serving() {
  log(LogLevel::info, "stopped by a signal before the mount was ready");
  ::_exit(static_cast<int>(ExitCode::failure));
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
  std::atomic<fuse::FuseServer*> mount{nullptr};
  std::atomic<engine::Engine*> engine{nullptr};
  Mutex mutex;
  CondVar changed;
  bool serving GUARDED_BY(mutex) = false;  // without a mount: stop() ends it
  bool stopping GUARDED_BY(mutex) = false;

  void stop() {
    if (fuse::FuseServer* server = mount) return server->stop();
    MutexLock lock(mutex);
    if (!serving) end_before_serving();
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
Result<std::unique_ptr<rpc::Server>> listen(const Plan& plan, const OpenedEngine& opened) {
  rpc::ServerOptions options;
  options.path = plan.options.socket.empty() ? TRY(rpc::socket_path(opened.uuid)) : plan.options.socket;
  options.stores = plan.store.paths;
  options.user = plan.options.socket_user;
  return rpc::Server::listen(*opened.engine, options);
}

// Returns when the mount has ended.
Status serve_mount(const Plan& plan, const OpenedEngine& opened, fuse::FuseServer& server,
                   Announcement& announcement) {
  opened.engine->watch(server.watch());
  std::unique_ptr<rpc::Server> socket;
  if (plan.options.socket != "none") {
    auto listening = listen(plan, opened);
    if (listening) {
      socket = std::move(listening).value();
    } else {
      log(LogLevel::warning, "programs cannot reach this store: {}", to_string(listening.error()));
    }
  }
  return server.run([&](const Status& answered) {
    if (answered) {
      log(LogLevel::info, "{} is mounted on {}", plan.store_name, plan.mountpoint);
      announcement.ready();
    } else {
      announcement.failed(failure_of(Step::mount, answered.error(), plan.mountpoint));
      server.stop();
    }
  });
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
    if (!line.no_mount && hides(plan.mountpoint, *real))
      return failure_of(Step::mount, fail(ELOOP, plan.mountpoint), plan.mountpoint);
    path = *real;
  }
  if (!plan.store.paths.empty()) plan.store_name = plan.store.paths.front();
  return plan;
}

ExitCode serve(const Plan& plan, Announcement& announcement) {
  settle_process();
  if (!plan.store.warning.empty()) log(LogLevel::warning, "{}", plan.store.warning);

  Signalled signalled;
  std::optional<SignalThread> signals(
      std::in_place, [&] { signalled.stop(); },
      [&] {
        if (engine::Engine* engine = signalled.engine) engine->drop_caches();
        if (const fuse::FuseServer* server = signalled.mount)
          log(LogLevel::debug, "requests: {}", server->requests());
      });

  SystemClock clock;
  auto opened = open_engine(plan.store, plan.options, clock);
  const auto give_up = [&](Step step, const Error& error, const std::string& subject) {
    const Failure failure = failure_of(step, error, subject);
    signals.reset();
    // Closed before it is said: whoever hears of the failure finds the store free.
    if (opened) close_engine(*opened->engine, plan.store_name);
    announcement.failed(failure);
    return failure.code;
  };
  if (!opened) return give_up(Step::open_store, opened.error(), plan.store_name);
  signalled.engine = opened->engine.get();

  if (plan.mountpoint.empty()) {
    auto socket = listen(plan, *opened);
    if (!socket) return give_up(Step::open_store, socket.error(), plan.store_name);
    log(LogLevel::info, "{} is served at {}", plan.store_name, (*socket)->path());
    signalled.begin_serving();
    announcement.ready();
    signalled.wait_for_stop();
    signals.reset();
    (*socket).reset();
    return close_engine(*opened->engine, plan.store_name);
  }

  const fuse::ServerOptions server_options{
      .mountpoint = plan.mountpoint,
      .options = fuse_options(plan.options, plan.store_name, ::geteuid() == 0),
      .threads_max = request_threads(),
      .open_mode = plan.options.open_mode};
  auto mounted = fuse::FuseServer::mount(*opened->engine, server_options);
  if (!mounted) return give_up(Step::mount, mounted.error(), plan.mountpoint);
  std::unique_ptr<fuse::FuseServer> server = std::move(mounted).value();
  signalled.mount = server.get();

  const Status served = serve_mount(plan, *opened, *server, announcement);
  signals.reset();
  server.reset();
  if (!served) log(LogLevel::error, "{}", to_string(served.error()));
  return close_engine(*opened->engine, plan.store_name);
}

}  // namespace ciaos::daemon
