#include "sidecar/store.h"

#include "sidecar/turns.h"

namespace ciaos::sidecar {
namespace {

// Longer than the slowest verb, which waits for a store that makes room.
constexpr std::uint64_t kReplyTimeoutMs = 120'000;

}  // namespace

Result<std::shared_ptr<rpc::Client>> Store::client() {
  MutexLock lock(mutex_);
  if (client_ && client_->connected()) return client_;
  client_.reset();
  Turns::about_to_wait();
  auto made = rpc::Client::connect(socket_, kReplyTimeoutMs);
  if (!made.ok()) return fail(ENOTCONN, to_string(made.error()));
  client_ = *std::move(made);
  client_->use_leases(&Turns::about_to_wait);
  return client_;
}

}  // namespace ciaos::sidecar
