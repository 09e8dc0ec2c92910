// What a txn needle will say of the needles of its batch: where they lie, how many, and the digest of their headers.
//
// Needles are encoded by several threads at once and end in any order, but their headers are digested in the order in
// which they lie: a header waits here for those before it.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "base/digest.h"
#include "store/chunk_queue.h"
#include "store/needle.h"

namespace ciaos::store {

// Guarded by the writer's mutex.
class OpenBatch {
 public:
  using Ticket = std::uint64_t;

  // A needle of the kind data or snapshot that takes [begin, end) of the volume and whose header goes to `slot`.
  Ticket add(const VolumeStart& volume, std::uint64_t begin, std::uint64_t end, const ChunkQueue::Slot& slot,
             std::size_t header_bytes);
  // Its header is there.
  void complete(Ticket ticket);

  std::size_t range_count() const { return ranges_.size(); }
  bool has_range_in(VolumeId volume) const;
  // The volumes of the ranges, in order.
  const std::vector<VolumeStart>& volumes() const { return volumes_; }
  // REQUIRES: every needle is complete.
  std::vector<BatchRange> ranges() const;

 private:
  struct Waiting {
    ChunkQueue::Slot slot;
    std::size_t header_bytes = 0;
    std::size_t range = 0;
    bool complete = false;
  };
  std::vector<BatchRange> ranges_;  // without digests
  std::vector<VolumeStart> volumes_;
  std::vector<DigestStream> digests_;
  std::deque<Waiting> waiting_;
  Ticket first_waiting_ = 0;
};

}  // namespace ciaos::store
