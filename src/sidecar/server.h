// The listening end: connections wait in epoll, requests are handled by workers.
//
//   epoll ──readable──> a worker takes what came ──no whole head yet──> back to epoll
//                                   └── a whole head ──> the handler, which may block ──> back to epoll, or closed
//
// So a connection that is idle, or sends its head byte by byte, costs a small object and no thread. While a body travels it
// has a worker to itself; those that dawdle are dropped (connection.h). A connection belongs to one worker at a time
// (EPOLLONESHOT).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "sidecar/exchange.h"

namespace ciaos::sidecar {

inline constexpr std::size_t kClientsMax = 16'384;
inline constexpr std::uint64_t kIdleMs = 75'000;
inline constexpr std::uint64_t kHeadMs = 15'000;  // from the first byte of a head to its last

struct ServerOptions {
  std::string address;  // HOST:PORT, [HOST]:PORT, or :PORT; port 0 is any
  unsigned workers = 64;
  std::shared_ptr<TlsContext> tls;  // nullptr: plain HTTP
};

class Server {
 public:
  using Handler = std::function<void(Exchange&)>;
  // Listens and serves. `handler` answers every request; several threads call it at once.
  static Result<std::unique_ptr<Server>> start(const ServerOptions& options, Handler handler);
  // Takes no new connections and requests, lets those finish that run, then ends.
  ~Server();
  // With the port that was chosen.
  const std::string& address() const;

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Whether only this machine can reach it.
bool is_loopback(const std::string& address);

}  // namespace ciaos::sidecar
