#include "fuse/ring_reads.h"

#include <linux/fuse.h>

#include "engine/reads.h"
#include "fuse/reply.h"
#include "fuse/session.h"

namespace ciaos::fuse {

std::optional<RingQueue::Served> RingReads::serve(RingQueue& queue, std::size_t entry,
                                                  const WantedRead& wanted, const TimedRequest& timed) {
  using State = store::BegunNeedle::State;
  const InodeId inode(timed.inode);
  const MutableByteSpan into = queue.entry(entry).memory();
  if (wanted.bytes > into.size()) return std::nullopt;
  engine::BegunRead read = session_.engine->reads().begin(inode, wanted.offset, into.first(wanted.bytes));
  if (read.state == State::at_once) return RingQueue::Served::answered;
  if (read.state == State::may_wait) return std::nullopt;
  if (wanted.offset == 0) session_.forecast.note_read(timed.pid, inode);
  session_.requests.add(FUSE_READ);
  waiting_[entry] = {std::move(read), timed};
  return RingQueue::Served::under_way;
}

bool RingReads::resume(RingQueue& queue, std::size_t entry) {
  Waiting& waiting = waiting_[entry];
  if (waiting.read.device_read->is_under_way()) return false;
  const Result<std::size_t> bytes = session_.engine->reads().end(waiting.read);
  if (!bytes) log_damage(bytes.error());
  queue.entry(entry).answer(bytes);
  session_.times.finished(waiting.timed, queue.entry(entry).reply_bytes());
  waiting = {};
  return true;
}

}  // namespace ciaos::fuse
