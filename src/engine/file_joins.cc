// Appending little by little, with an fsync after each, leaves one small needle an append. Once several lie behind one
// another they are written again as one, so that the extents of a file stay bounded by its size.
#include <algorithm>
#include <array>

#include "engine/files.h"
#include "store/format.h"

namespace ciaos::engine {
namespace {

using meta::Extent;

constexpr std::uint64_t kSmallExtentBytes = 64 * 1024;
constexpr std::size_t kRunMin = 16;

bool is_small(const Extent& extent) {
  return extent.row.length < kSmallExtentBytes && !extent.row.is_reserved();
}

// The run of small extents that touch each other and end with the one that ends at `end`.
std::vector<Extent> run_ending_at(const std::vector<Extent>& extents, std::uint64_t end,
                                  std::uint64_t bytes_max) {
  auto last = std::ranges::lower_bound(extents, end, {}, &Extent::end);
  if (last == extents.end() || last->end() != end || !is_small(*last)) return {};
  auto first = last;
  while (first != extents.begin()) {
    const auto before = std::prev(first);
    if (before->end() != first->offset || !is_small(*before) || end - before->offset > bytes_max) break;
    first = before;
  }
  return {first, std::next(last)};
}

// The longest such run of a file, from its front.
std::vector<Extent> first_run(const std::vector<Extent>& extents, std::uint64_t bytes_max) {
  std::vector<Extent> run;
  for (const Extent& extent : extents) {
    const bool joins = is_small(extent) && !run.empty() && run.back().end() == extent.offset &&
                       extent.end() - run.front().offset <= bytes_max;
    if (!joins) {
      if (run.size() >= kRunMin) return run;
      run.clear();
    }
    if (is_small(extent)) run.push_back(extent);
  }
  return run.size() >= kRunMin ? run : std::vector<Extent>{};
}

}  // namespace

void Files::note_fragmented(const Inode& inode, const Extent& last) {
  if (!inode.extents_known || inode.extents.size() < kRunMin || !is_small(last)) return;
  if (run_ending_at(inode.extents, last.end(), core_.log_limits.data_payload_bytes_max).size() < kRunMin)
    return;
  MutexLock lock(fragmented_mutex_);
  if (std::ranges::find(fragmented_, inode.id) == fragmented_.end()) fragmented_.push_back(inode.id);
}

std::vector<InodeId> Files::take_fragmented() {
  MutexLock lock(fragmented_mutex_);
  return std::exchange(fragmented_, {});
}

Status Files::join_small_extents(InodeId id) {
  const InodeRef inode = TRY(core_.inodes->get(id));
  const std::uint64_t bytes_max = core_.log_limits.data_payload_bytes_max;
  std::vector<Extent> run;
  ByteVector bytes;
  {
    ReadEpochs::Ticket ticket(core_.read_epochs);
    {
      ReaderLock lock(inode->mutex);
      if (!inode->exists() || !inode->extents_known) return {};
      run = first_run(inode->extents, bytes_max);
    }
    if (run.empty()) return {};
    bytes.resize(run.back().end() - run.front().offset);
    for (const Extent& extent : run) {
      const auto into = MutableByteSpan(bytes).subspan(extent.offset - run.front().offset, extent.row.length);
      TRY_VOID(core_.reader->read(extent.row.needle, extent.row.payload_offset, into));
    }
  }
  const std::uint64_t promised = store::needle_bytes_bound(bytes.size());
  TRY_VOID(core_.pool->reserve(promised));
  Status status;
  {
    Gate::Pass pass(core_.gate);
    WriterLock lock(inode->mutex);
    // Read without locks: only if every extent is still the one that was read.
    const bool same = inode->exists() && inode->extents_known &&
                      overlapping(*inode, run.front().offset, run.back().end()).value() == run;
    if (same) {
      const std::array<ByteSpan, 1> payload{bytes};
      auto place = core_.writer->append({store::NeedleKind::data, id, run.front().offset}, payload);
      status =
          place.ok() ? lay(*inode, Extent{run.front().offset, {bytes.size(), *place, 0}}) : place.error();
      core_.rows->put(id, inode->row);
    }
  }
  core_.pool->release(promised);
  return status;
}

}  // namespace ciaos::engine
