// What a Client is made of, for its own sources.
#pragma once

#include <wire_generated.h>

#include <functional>
#include <map>
#include <memory>
#include <thread>

#include "base/mutex.h"
#include "rpc/client.h"

namespace ciaos::rpc {

struct Client::State {
  struct Waiter {
    std::unique_ptr<wire::ReplyT> reply;
    UniqueFd descriptor;
    CondVar answered;
  };
  using ExtentsRef = std::shared_ptr<const LeaseCache::Extents>;

  void read_all();
  void end();

  UniqueFd socket;
  std::uint64_t timeout_ms = 0;
  std::thread reader;
  LeaseCache leases;
  std::function<void()> before_waiting = [] {};  // constant after use_leases()
  Mutex sending;                                 // a leaf: one packet at a time

  Mutex mutex;
  std::map<std::uint64_t, Waiter*> waiters GUARDED_BY(mutex);
  std::uint64_t next_id GUARDED_BY(mutex) = 1;
  bool over GUARDED_BY(mutex) = false;
  std::map<InodeId, ExtentsRef> extents GUARDED_BY(mutex);  // of what is open, as it was told last
};

}  // namespace ciaos::rpc
