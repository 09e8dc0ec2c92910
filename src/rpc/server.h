// The daemon's end of the local protocol.
//
//   accept thread ──> a thread for each connection, which reads packets ──> queue ──> workers ──> reply
//
// A peer is told by its credentials: root, the daemon's own user, and one user more may speak, nobody else. A connection that
// has kRequestsInFlightMax requests under way is not read from; one that takes no replies for kSendTimeoutMs is ended, and with
// it everything it had open or staged. So a dead or hostile client costs others nothing but a share of the workers.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "rpc/control.h"

namespace ciaos::rpc {

struct ServerOptions {
  std::string path;
  std::vector<std::string> stores;  // paths of its devices, told to whoever looks for one
  std::optional<uid_t> user;        // besides root and our own; the socket is given to him
  unsigned workers = 24;
  DaemonSide daemon;       // for control verbs
  std::string mountpoint;  // told as `stores` are; empty: there is none
};

class Server {
 public:
  // Listens. A socket that nobody answers at is replaced; EADDRINUSE if somebody does. `engine` outlives the server.
  static Result<std::unique_ptr<Server>> listen(engine::Engine& engine, const ServerOptions& options);
  // Ends every connection, waits for the verbs that run, and removes the socket.
  ~Server();

  const std::string& path() const;

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace ciaos::rpc
