// The daemon, as handlers reach it: a connection that is made again when the daemon comes back.
#pragma once

#include <memory>
#include <string>

#include "base/mutex.h"
#include "rpc/client.h"

namespace ciaos::sidecar {

// Thread-safe; its mutex is a leaf but for making a connection.
class Store {
 public:
  explicit Store(std::string socket) : socket_(std::move(socket)) {}
  // ENOTCONN: nobody serves the store just now.
  Result<std::shared_ptr<rpc::Client>> client();

 private:
  const std::string socket_;
  Mutex mutex_;
  std::shared_ptr<rpc::Client> client_ GUARDED_BY(mutex_);
};

}  // namespace ciaos::sidecar
