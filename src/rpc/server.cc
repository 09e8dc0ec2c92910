#include "rpc/server.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <wire_generated.h>

#include <cstring>
#include <deque>
#include <list>
#include <thread>

#include "base/log.h"
#include "base/mutex.h"
#include "base/unique_fd.h"
#include "rpc/packet.h"
#include "rpc/protocol.h"
#include "rpc/verbs.h"

namespace ciaos::rpc {
namespace {

constexpr int kBacklog = 64;

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return fail(ENAMETOOLONG, path);
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

Status make_parent(const std::string& path) {
  const std::string parent = path.substr(0, path.rfind('/'));
  if (::mkdir(parent.c_str(), 0755) != 0 && errno != EEXIST) return fail(errno, parent);
  // The daemon's umask hides what it makes; who may pass is said by each socket.
  ::chmod(parent.c_str(), 0755);
  return {};
}

Result<UniqueFd> bound_socket(const ServerOptions& options) {
  TRY_VOID(make_parent(options.path));
  const sockaddr_un address = TRY(address_of(options.path));
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return fail(errno, options.path);
  if (::connect(fd.get(), generic, sizeof address) == 0) return fail(EADDRINUSE, options.path);
  fd = UniqueFd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return fail(errno, options.path);
  ::unlink(options.path.c_str());
  if (::bind(fd.get(), generic, sizeof address) != 0) return fail(errno, options.path);
  ::chmod(options.path.c_str(), 0600);
  if (options.user && *options.user != ::geteuid() &&
      ::chown(options.path.c_str(), *options.user, static_cast<gid_t>(-1)) != 0)
    return fail(errno, options.path);
  if (::listen(fd.get(), kBacklog) != 0) return fail(errno, options.path);
  return fd;
}

}  // namespace

struct Server::State {
  struct Connection {
    Connection(engine::Engine& engine, UniqueFd the_socket, Right the_right)
        : handles(engine), right(the_right), socket(std::move(the_socket)) {}
    Handles handles;
    const Right right;
    const UniqueFd socket;
    Mutex sending;  // a leaf: one reply at a time
    Mutex mutex;
    CondVar finished;
    std::size_t in_flight GUARDED_BY(mutex) = 0;
    std::thread thread;
    std::atomic<bool> ended{false};
  };
  struct Work {
    Connection* connection;
    std::unique_ptr<wire::RequestT> request;
    UniqueFd memory;
  };

  State(engine::Engine& the_engine, const ServerOptions& the_options)
      : engine(the_engine), options(the_options) {}

  // Absent: nothing.
  std::optional<Right> right_of(int socket) const {
    ucred peer{};
    socklen_t bytes = sizeof peer;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) != 0) return std::nullopt;
    if (peer.uid == 0 || peer.uid == ::geteuid()) return Right::everything;
    if (options.user && peer.uid == *options.user) return Right::figures_only;
    return std::nullopt;
  }

  void accept_all();
  void read_all(Connection& connection);
  void work();
  void answer(Work& work);
  void reap(bool all);

  engine::Engine& engine;
  const ServerOptions options;
  UniqueFd listener;
  std::thread accepter;
  std::vector<std::thread> workers;
  std::list<std::unique_ptr<Connection>> connections;  // the accepter's, then the destructor's

  Mutex mutex;
  CondVar wanted;
  std::deque<Work> queue GUARDED_BY(mutex);  // bounded by kConnectionsMax * kRequestsInFlightMax
  bool stopping GUARDED_BY(mutex) = false;
};

void Server::State::accept_all() {
  while (true) {
    UniqueFd socket(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    {
      MutexLock lock(mutex);
      if (stopping) return;
    }
    reap(/*all=*/false);
    if (!socket.valid()) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      log(LogLevel::error, "{}", to_string(fail(errno, options.path)));
      std::this_thread::sleep_for(std::chrono::milliseconds(100));  // out of descriptors, or memory
      continue;
    }
    const std::optional<Right> right = right_of(socket.get());
    if (!right || connections.size() >= kConnectionsMax) continue;
    const timeval patience{.tv_sec = kSendTimeoutMs / 1000, .tv_usec = 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    const int bytes = 4 * static_cast<int>(kPacketBytesMax);
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    connections.push_back(std::make_unique<Connection>(engine, std::move(socket), *right));
    Connection& connection = *connections.back();
    connection.thread = std::thread([this, &connection] { read_all(connection); });
  }
}

void Server::State::reap(bool all) {
  for (auto at = connections.begin(); at != connections.end();) {
    if (!all && !(*at)->ended) {
      ++at;
      continue;
    }
    ::shutdown((*at)->socket.get(), SHUT_RDWR);
    (*at)->thread.join();
    at = connections.erase(at);
  }
}

void Server::State::read_all(Connection& connection) {
  ByteVector buffer(kPacketBytesMax);
  while (true) {
    auto packet = receive_packet(connection.socket.get(), buffer);
    if (!packet.ok()) break;
    auto request = parse_request(ByteSpan(buffer).first(packet->bytes));
    if (!request) break;  // whoever sends such a thing is no client
    {
      MutexLock lock(connection.mutex);
      while (connection.in_flight >= kRequestsInFlightMax) connection.finished.wait(connection.mutex);
      ++connection.in_flight;
    }
    MutexLock lock(mutex);
    queue.push_back({&connection, std::move(request), std::move(packet->memory)});
    wanted.notify_one();
  }
  ::shutdown(connection.socket.get(), SHUT_RDWR);
  MutexLock lock(connection.mutex);
  while (connection.in_flight > 0) connection.finished.wait(connection.mutex);
  connection.ended = true;
}

void Server::State::answer(Work& work) {
  Connection& connection = *work.connection;
  const Peer peer{connection.handles, options.daemon, connection.right};
  UniqueFd descriptor;
  wire::ReplyT said = run_verb(engine, peer, *work.request, work.memory.get(), descriptor);
  if (work.request->verb == wire::Verb_hello) {
    const auto tell = [&](const char* name, const std::string& value) {
      auto label = std::make_unique<wire::LabelT>();
      label->name = name;
      label->value = value;
      said.statistics.push_back(std::move(label));
    };
    for (const std::string& store : options.stores) tell("store", store);
    tell("uuid", to_string(engine.uuid()));
    if (!options.mountpoint.empty()) tell("mountpoint", options.mountpoint);
  }
  const std::string reply = pack(said);
  work.memory.reset();
  {
    MutexLock lock(connection.sending);
    if (!send_packet(connection.socket.get(), reply, descriptor.get()).ok())
      ::shutdown(connection.socket.get(), SHUT_RDWR);
  }
  MutexLock lock(connection.mutex);
  --connection.in_flight;
  connection.finished.notify_all();
}

void Server::State::work() {
  while (true) {
    Work next{};
    {
      MutexLock lock(mutex);
      while (queue.empty() && !stopping) wanted.wait(mutex);
      if (queue.empty()) return;
      next = std::move(queue.front());
      queue.pop_front();
    }
    answer(next);
  }
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Server>> Server::listen(engine::Engine& engine, const ServerOptions& options) {
  auto state = std::make_unique<State>(engine, options);
  state->listener = TRY(bound_socket(options));
  State& s = *state;
  for (unsigned i = 0; i < options.workers; ++i) s.workers.emplace_back([&s] { s.work(); });
  s.accepter = std::thread([&s] { s.accept_all(); });
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

Server::~Server() {
  State& s = *state_;
  {
    MutexLock lock(s.mutex);
    s.stopping = true;
  }
  ::unlink(s.options.path.c_str());
  ::shutdown(s.listener.get(), SHUT_RDWR);
  s.accepter.join();
  // Connections end while the workers still answer, so that nothing in flight is left waiting.
  s.reap(/*all=*/true);
  {
    MutexLock lock(s.mutex);
    s.wanted.notify_all();
  }
  for (std::thread& worker : s.workers) worker.join();
}

const std::string& Server::path() const { return state_->options.path; }

}  // namespace ciaos::rpc
