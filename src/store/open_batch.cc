#include "store/open_batch.h"

#include <algorithm>

#include "base/assert.h"

namespace ciaos::store {

OpenBatch::Ticket OpenBatch::add(const VolumeStart& volume, std::uint64_t begin, std::uint64_t end,
                                 const ChunkQueue::Slot& slot, std::size_t header_bytes) {
  if (ranges_.empty() || ranges_.back().volume != volume.volume) {
    CIAOS_ASSERT(ranges_.size() < kBatchRangesMax);
    ranges_.push_back({volume.volume, volume.generation, begin, begin, 0, {}});
    volumes_.push_back(volume);
    digests_.emplace_back();
  }
  ranges_.back().end = end;
  ++ranges_.back().needles;
  waiting_.push_back({slot, header_bytes, ranges_.size() - 1, false});
  return first_waiting_ + waiting_.size() - 1;
}

void OpenBatch::complete(Ticket ticket) {
  CIAOS_ASSERT(ticket >= first_waiting_ && ticket - first_waiting_ < waiting_.size());
  waiting_[ticket - first_waiting_].complete = true;
  while (!waiting_.empty() && waiting_.front().complete) {
    const Waiting& first = waiting_.front();
    digests_[first.range].update(first.slot.chunk->buffer.span().subspan(first.slot.at, first.header_bytes));
    waiting_.pop_front();
    ++first_waiting_;
  }
}

bool OpenBatch::has_range_in(VolumeId volume) const {
  return std::any_of(ranges_.begin(), ranges_.end(),
                     [&](const BatchRange& range) { return range.volume == volume; });
}

std::vector<BatchRange> OpenBatch::ranges() const {
  CIAOS_ASSERT(waiting_.empty());
  std::vector<BatchRange> ranges = ranges_;
  for (std::size_t i = 0; i < ranges.size(); ++i) ranges[i].digest = digests_[i].value();
  return ranges;
}

}  // namespace ciaos::store
