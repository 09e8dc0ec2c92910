#include "sidecar/program.h"

#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>

#include "base/clock.h"
#include "base/log.h"
#include "base/service_manager.h"
#include "sidecar/metrics.h"
#include "sidecar/native.h"
#include "sidecar/options.h"
#include "sidecar/page.h"
#include "sidecar/s3.h"
#include "sidecar/server.h"
#include "sidecar/store.h"

extern char** environ;

namespace ciaos::sidecar {
namespace {

Result<Settings> settings_of(const Options& options) {
  Settings settings;
  settings.authenticate = !options.no_auth;
  settings.domain = options.domain;
  settings.owner = options.owner;
  if (!options.owner_given) {
    settings.owner.uid = ::geteuid();
    settings.owner.gid = ::getegid();
  }
  if (options.no_auth && !is_loopback(options.listen))
    return fail(EINVAL, "--no-auth is for loopback addresses only");
  if (!options.encryption_keys_file.empty())
    TRY_VOID(take_encryption_keys(TRY(users::read_secrets(options.encryption_keys_file)), settings));
  if (!options.keys_file.empty()) {
    settings.keys->set(TRY(parse_keys(TRY(users::read_secrets(options.keys_file)))));
  } else if (settings.authenticate) {
    return fail(EINVAL, "no access keys: give --keys FILE, or --no-auth on a loopback address");
  }
  return settings;
}

// A daemon of the store, for whoever comes, also after us. What it says in a failure goes to our standard error.
Status start_daemon(const Options& options) {
  std::string program = options.daemon;
  std::string flag = "--no-mount";
  std::string store = options.place;
  std::array<char*, 4> arguments{program.data(), flag.data(), store.data(), nullptr};
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, program.c_str(), nullptr, nullptr, arguments.data(), environ);
  if (error != 0) return fail(error, program);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status == 0 ? Status{} : Status(fail(ENODEV, store + ": the daemon did not start"));
}

// The socket itself, or that of the daemon which has the store open, or of one that is started.
Result<std::string> socket_of(const Options& options) {
  struct stat about {};
  if (::stat(options.place.c_str(), &about) != 0) return fail(errno, options.place);
  if (S_ISSOCK(about.st_mode)) return options.place;
  auto found = rpc::Client::find_socket(options.place);
  if (found.code() != ENOENT) return found;
  TRY_VOID(start_daemon(options));
  return rpc::Client::find_socket(options.place);
}

class Sidecar {
 public:
  Sidecar(Settings settings, std::string socket)
      : settings_(std::move(settings)),
        store_(std::move(socket)),
        page_(settings_, store_, metrics_, clock_) {}

  void answer(Exchange& exchange) {
    const auto begun = std::chrono::steady_clock::now();
    const std::string operation = dispatch(exchange);
    const auto took = std::chrono::steady_clock::now() - begun;
    const auto took_ns =
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(took).count());
    metrics_.count(operation, exchange.status(), exchange.bytes_sent(), took_ns / 1000);
    metrics_.count_totals(operation, exchange.bytes_sent(), exchange.body.bytes(), took_ns);
  }

 private:
  std::string dispatch(Exchange& exchange) {
    const HttpHead& head = exchange.head;
    if (head.method == "GET" && head.path == "/health") {
      exchange.answer(200, {{"Content-Type", "text/plain"}}, "ok\n");
      return "health";
    }
    if (head.method == "GET" && head.path == "/ready") {
      const bool ready = store_.client().ok();
      exchange.answer(ready ? 200 : 503, {{"Content-Type", "text/plain"}}, ready ? "ready\n" : "no store\n");
      return "ready";
    }
    if (head.method == "GET" && head.path == "/metrics") {
      const auto client = store_.client();
      const auto store =
          client.ok() ? (*client)->ask({.name = "metrics"}) : Result<rpc::Answer>(client.error());
      exchange.answer(200, {{"Content-Type", "text/plain; version=0.0.4"}},
                      metrics_.text(store.ok() ? store->text : std::string()));
      return "metrics";
    }
    if (is_page(settings_, head) && !is_s3(head)) {
      page_.answer(exchange);
      return "page";
    }
    if (is_native(head) && !is_s3(head)) {
      answer_native(settings_, store_, exchange);
      return "native";
    }
    return answer_s3(settings_, store_, exchange);
  }

  const Settings settings_;
  Store store_;
  Metrics metrics_;
  SystemClock clock_;
  Page page_;
};

// What may change while we run. What cannot be read leaves things as they are.
void read_anew(const Options& options, users::KeyRing& keys, TlsContext* tls) {
  if (!options.keys_file.empty()) {
    const auto text = users::read_secrets(options.keys_file);
    auto read = text.ok() ? parse_keys(*text) : Result<users::AccessKeys>(text.error());
    if (read.ok()) {
      keys.set(*std::move(read));
      log(LogLevel::info, "the keys were read again");
    } else {
      log(LogLevel::error, "the keys stay as they were: {}", to_string(read.error()));
    }
  }
  if (tls == nullptr) return;
  const Status reloaded = tls->reload();
  if (reloaded.ok()) {
    log(LogLevel::info, "the certificate was read again");
  } else {
    log(LogLevel::error, "the certificate stays as it was: {}", to_string(reloaded.error()));
  }
}

int refuse(const Error& error, int code) {
  std::fprintf(stderr, "ciaos-sidecar: %s\n", to_string(error).c_str());
  return code;
}

}  // namespace

int run_program(std::span<const std::string_view> arguments, const std::string& storage_directory) {
  auto options = parse_options(arguments, storage_directory);
  if (!options.ok()) return refuse(options.error(), 1);
  if (options->help || options->version) {
    std::fputs(options->help ? help_text().c_str() : "ciaos-sidecar " CIAOS_VERSION "\n", stdout);
    return 0;
  }
  ServiceManager manager(ServiceManager::take_request());
  auto settings = settings_of(*options);
  if (!settings.ok()) return refuse(settings.error(), 1);
  ::signal(SIGPIPE, SIG_IGN);
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  std::shared_ptr<TlsContext> tls;
  if (!options->tls_certificate.empty()) {
    auto loaded = TlsContext::load(options->tls_certificate, options->tls_key);
    if (!loaded.ok()) return refuse(loaded.error(), 1);
    tls = *std::move(loaded);
  }
  auto socket = socket_of(*options);
  if (!socket.ok()) return refuse(socket.error(), 2);
  open_log(LogTarget::standard_error, LogLevel::info, "ciaos-sidecar");

  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const std::shared_ptr<users::KeyRing> keys = settings->keys;
  Sidecar sidecar(*std::move(settings), *std::move(socket));
  auto server = Server::start({.address = options->listen, .tls = tls},
                              [&](Exchange& exchange) { sidecar.answer(exchange); });
  if (!server.ok()) return refuse(server.error(), 2);
  log(LogLevel::info, "listening on {}", (*server)->address());
  manager.ready("listening on " + (*server)->address(), [] { return true; });
  int signal = 0;
  while (::sigwait(&signals, &signal) != 0 || signal == SIGHUP) read_anew(*options, *keys, tls.get());
  manager.stopping("finishing what runs");
  (*server).reset();
  return 0;
}

}  // namespace ciaos::sidecar
