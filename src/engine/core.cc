#include "engine/core.h"

namespace ciaos::engine {

Status Core::promise_space(std::uint64_t bytes) {
  Status status = pool->reserve(bytes);
  if (status.code() != ENOSPC) return status;
  // Promises are upper bounds; turning what is buffered into needles gives back what they held too much.
  TRY_VOID(committer->commit());
  status = pool->reserve(bytes);
  return status.code() == ENOSPC && make_room ? make_room(bytes) : status;
}

}  // namespace ciaos::engine
