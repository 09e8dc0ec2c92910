// One request as a call of the engine. What a connection has open or staged belongs to it, and to nobody else's verbs.
#pragma once

#include <functional>
#include <map>

#include "base/mutex.h"
#include "engine/engine.h"
#include "rpc/control.h"
#include "rpc/protocol.h"

namespace ciaos::rpc {

// Thread-safe; its mutex is a leaf.
class Handles {
 public:
  explicit Handles(engine::Engine& engine) : engine_(engine), leases_(engine.leases()) {}
  // Ends them all. REQUIRES: no verb of the connection runs.
  ~Handles();

  // EMFILE: there are too many; the handle is ended then.
  Status add_open(InodeId inode);
  Status add_staged(InodeId inode);
  // False: there is none of that number.
  bool has_open(InodeId inode);
  bool close_open(InodeId inode);
  bool has_staged(InodeId inode);
  // Whoever takes a staged file ends it.
  bool take_staged(InodeId inode);
  const engine::Leases::Holder& leases() const { return leases_; }

 private:
  engine::Engine& engine_;
  engine::Leases::Holder leases_;
  Mutex mutex_;
  std::map<InodeId, std::uint64_t> open_ GUARDED_BY(mutex_);
  std::map<InodeId, std::uint64_t> staged_ GUARDED_BY(mutex_);
};

// Who sent a request, and what its control verbs may ask.
struct Peer {
  Handles& handles;
  const DaemonSide& daemon;
  Right right;
};
// Never fails itself: an error is a reply. `memory` is -1 if none came; `descriptor` takes what goes with the reply.
wire::ReplyT run_verb(engine::Engine& engine, const Peer& peer, const wire::RequestT& request, int memory,
                      UniqueFd& descriptor);

}  // namespace ciaos::rpc
