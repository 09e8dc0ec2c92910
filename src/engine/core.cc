#include "engine/core.h"

namespace ciaos::engine {

Status Core::promise_space(std::uint64_t bytes, store::Claim claim) {
  return claim_space([&] { return pool->reserve(bytes, claim); });
}

Status Core::hold_space(std::uint64_t bytes) {
  return claim_space([&] { return pool->hold(bytes); });
}

Status Core::claim_space(const std::function<Status()>& claim) {
  // Where the index has found no room, what is left is for deletions.
  if (!index_reserve->hold().ok()) return fail(ENOSPC);
  Status status = claim();
  if (status.code() != ENOSPC) return status;
  // Promises are upper bounds; turning what is buffered into needles gives back what they held too much.
  TRY_VOID(committer->commit());
  status = claim();
  return status.code() == ENOSPC && make_room ? make_room(claim) : status;
}

}  // namespace ciaos::engine
