#include "sidecar/server.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <map>
#include <thread>

#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/uuid.h"
#include "sidecar/turns.h"

namespace ciaos::sidecar {
namespace {

constexpr int kBacklog = 1024;
constexpr std::uint64_t kSweepMs = 1000;

struct HostPort {
  std::string host;
  std::string port;
};

Result<HostPort> split_address(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon + 1 == address.size())
    return fail(EINVAL, "not HOST:PORT: " + address);
  HostPort parts{address.substr(0, colon), address.substr(colon + 1)};
  if (parts.host.starts_with('[') && parts.host.ends_with(']'))
    parts.host = parts.host.substr(1, parts.host.size() - 2);
  return parts;
}

Result<UniqueFd> listening_socket(const std::string& address) {
  const HostPort parts = TRY(split_address(address));
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const char* host = parts.host.empty() ? nullptr : parts.host.c_str();
  if (::getaddrinfo(host, parts.port.c_str(), &hints, &found) != 0)
    return fail(EINVAL, "no such address: " + address);
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, &::freeaddrinfo);
  UniqueFd fd(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return fail(errno, address);
  const int yes = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (::bind(fd.get(), found->ai_addr, found->ai_addrlen) != 0 || ::listen(fd.get(), kBacklog) != 0)
    return fail(errno, address);
  return fd;
}

std::string bound_address(int fd, const std::string& wished) {
  sockaddr_storage address{};
  socklen_t bytes = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &bytes);
  char port[32] = "";
  ::getnameinfo(reinterpret_cast<sockaddr*>(&address), bytes, nullptr, 0, port, sizeof port, NI_NUMERICSERV);
  return wished.substr(0, wished.rfind(':')) + ":" + port;
}

}  // namespace

bool is_loopback(const std::string& address) {
  const auto parts = split_address(address);
  if (!parts.ok()) return false;
  in_addr v4{};
  if (::inet_pton(AF_INET, parts->host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  return parts->host == "::1" || parts->host == "localhost";
}

struct Server::State {
  void work();
  void accept_all();
  void serve(Connection& connection);
  // One request that has come whole; false: the connection has to end.
  bool serve_one(Connection& connection, Worker& worker, std::size_t head_bytes);
  void sweep();
  void end(Connection& connection);
  bool arm(int fd, void* tag, int operation);

  Handler handler;
  std::shared_ptr<TlsContext> tls;
  UniqueFd listener;
  UniqueFd epoll;
  UniqueFd stop_event;
  std::string address;
  std::vector<std::thread> workers;
  std::thread sweeper;
  SystemClock clock;
  Turns turns{std::max(1u, std::thread::hardware_concurrency())};
  const std::uint64_t first_id = random_u64();
  std::atomic<std::uint64_t> requests{0};

  Mutex mutex;
  CondVar stopped;
  bool stopping GUARDED_BY(mutex) = false;
  std::map<Connection*, std::unique_ptr<Connection>> connections GUARDED_BY(mutex);
};

bool Server::State::arm(int fd, void* tag, int operation) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT;
  event.data.ptr = tag;
  return ::epoll_ctl(epoll.get(), operation, fd, &event) == 0;
}

void Server::State::accept_all() {
  while (true) {
    UniqueFd fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd.valid()) break;
    const int yes = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    std::unique_ptr<Tls> encrypted;
    if (tls) {
      auto accepted = tls->accept(fd.get());
      if (!accepted.ok()) continue;
      encrypted = *std::move(accepted);
    }
    auto made = std::make_unique<Connection>(std::move(fd), std::move(encrypted));
    Connection& connection = *made;
    connection.active_ms = clock.monotonic_ms();
    MutexLock lock(mutex);
    if (stopping || connections.size() >= kClientsMax) continue;
    connections.emplace(&connection, std::move(made));
    if (!arm(connection.fd(), &connection, EPOLL_CTL_ADD)) connections.erase(&connection);
  }
  arm(listener.get(), &listener, EPOLL_CTL_MOD);
}

void Server::State::end(Connection& connection) {
  MutexLock lock(mutex);
  connections.erase(&connection);
}

bool Server::State::serve_one(Connection& connection, Worker& worker, std::size_t head_bytes) {
  const ParsedHead parsed = parse_head(std::string_view(connection.buffered()).substr(0, head_bytes));
  connection.buffered().erase(0, head_bytes);
  const std::string id = fmt::format("{:016X}", first_id + requests.fetch_add(1));
  if (parsed.status != 0) {
    HttpHead closing;
    closing.keep_alive = false;
    Exchange exchange(closing, connection, worker, id);
    exchange.answer(parsed.status, {{"Content-Type", "text/plain"}}, "Bad request: " + parsed.why);
    return false;
  }
  Exchange exchange(parsed.head, connection, worker, id);
  handler(exchange);
  if (!exchange.answered()) exchange.answer(500, {}, "");
  return exchange.can_continue();
}

void Server::State::work() {
  auto memory = rpc::Memory::make(2 * kPieceBytes);
  if (!memory.ok()) {
    log(LogLevel::error, "{}", to_string(memory.error()));
    return;
  }
  Worker worker{*std::move(memory)};
  while (true) {
    turns.take();
    epoll_event event{};
    const int count = ::epoll_wait(epoll.get(), &event, 1, -1);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0 || event.data.ptr == &stop_event) {
      Turns::about_to_wait();  // for the others, who are to see it too
      return;
    }
    if (event.data.ptr == &listener) {
      accept_all();
      continue;
    }
    Connection& connection = *static_cast<Connection*>(event.data.ptr);
    connection.in_request = true;
    const Status filled = connection.fill();
    bool good = filled.ok() || filled.code() == EAGAIN;
    std::size_t head_bytes = end_of_head(connection.buffered());
    while (good && head_bytes != std::string::npos) {
      good = serve_one(connection, worker, head_bytes);
      {
        MutexLock lock(mutex);
        good = good && !stopping;
      }
      if (good && connection.has_pending()) {
        const Status more = connection.fill();
        good = more.ok() || more.code() == EAGAIN;
      }
      head_bytes = end_of_head(connection.buffered());
      connection.in_head = false;
    }
    if (good && connection.buffered().size() > kHeadBytesMax) {
      HttpHead closing;
      closing.keep_alive = false;
      Exchange(closing, connection, worker, "-").answer(431, {}, "");
      good = false;
    }
    // The time for a head counts from its first byte on, that for idling from the last request.
    const bool begun = !connection.buffered().empty();
    if (!begun || !connection.in_head) connection.active_ms = clock.monotonic_ms();
    connection.in_head = begun;
    connection.in_request = false;
    if (!good || !arm(connection.fd(), &connection, EPOLL_CTL_MOD)) end(connection);
  }
}

void Server::State::sweep() {
  MutexLock lock(mutex);
  while (!stopping) {
    stopped.wait_for(mutex, kSweepMs);
    const std::uint64_t now = clock.monotonic_ms();
    for (auto& [connection, owned] : connections) {
      if (connection->in_request) continue;
      const std::uint64_t patience = connection->in_head ? kHeadMs : kIdleMs;
      // Its worker finds the end of it, and ends it.
      if (now - connection->active_ms > patience) ::shutdown(connection->fd(), SHUT_RDWR);
    }
  }
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options, Handler handler) {
  auto state = std::make_unique<State>();
  State& s = *state;
  s.handler = std::move(handler);
  s.tls = options.tls;
  s.listener = TRY(listening_socket(options.address));
  s.address = bound_address(s.listener.get(), options.address);
  s.epoll = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  s.stop_event = UniqueFd(::eventfd(0, EFD_CLOEXEC));
  if (!s.epoll.valid() || !s.stop_event.valid()) return fail(errno, "epoll");
  if (!s.arm(s.listener.get(), &s.listener, EPOLL_CTL_ADD)) return fail(errno, "epoll");
  for (unsigned i = 0; i < options.workers; ++i) s.workers.emplace_back([&s] { s.work(); });
  s.sweeper = std::thread([&s] { s.sweep(); });
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

Server::~Server() {
  State& s = *state_;
  {
    MutexLock lock(s.mutex);
    s.stopping = true;
    s.stopped.notify_all();
  }
  ::epoll_ctl(s.epoll.get(), EPOLL_CTL_DEL, s.listener.get(), nullptr);
  s.listener.reset();
  // Not one-shot: every worker is to see it.
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &s.stop_event;
  ::epoll_ctl(s.epoll.get(), EPOLL_CTL_ADD, s.stop_event.get(), &event);
  const std::uint64_t one = 1;
  (void)!::write(s.stop_event.get(), &one, sizeof one);
  for (std::thread& worker : s.workers) worker.join();
  s.sweeper.join();
  MutexLock lock(s.mutex);
  s.connections.clear();
}

const std::string& Server::address() const { return state_->address; }

}  // namespace ciaos::sidecar
