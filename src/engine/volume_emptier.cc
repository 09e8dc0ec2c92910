#include "engine/volume_emptier.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "base/log.h"
#include "store/format.h"

namespace ciaos::engine {
namespace {

using meta::Extent;
using meta::ExtentRow;

constexpr std::size_t kRowsPerVictimPage = 1000;
constexpr std::uint64_t kStepBytes = 4u << 20;
// Rows that change under our hands are found again in the next pass; more passes than this mean that something else is wrong.
constexpr int kPassesMax = 4;

}  // namespace

Result<VolumeEmptier::Outcome> VolumeEmptier::empty(const meta::VolumeUsage& volume, std::uint64_t& promise,
                                                    const std::function<bool(std::uint64_t)>& go_on) {
  Outcome outcome;
  last_.reset();
  reader_ = TRY(core_.index->reader());
  for (int pass = 0; pass < kPassesMax; ++pass) {
    outcome.damaged = 0;
    bool any = false;
    std::uint64_t from = 0;
    for (bool more = true; more;) {
      Page page;
      std::vector<Move> moves;
      std::map<InodeId, InodeRef> inodes;
      {
        // Taken before the index is asked: as long as it lasts, the volume is not given back under the reads.
        ReadEpochs::Ticket ticket(core_.read_epochs);
        page = TRY(next_page(volume, from));
        any = any || !page.rows.empty();
        const bool same_needle = !page.last && page.next == from;
        TRY_VOID(drop_changed_rows(page.rows, inodes));
        moves = moves_of(std::move(page.rows));
        for (Move& move : moves) {
          if (TRY(read(move))) continue;
          ++outcome.damaged;
        }
        // More rows of one needle than a page holds: the index has to forget the first ones before it shows others.
        if (same_needle && outcome.damaged > 0) return outcome;
      }
      std::erase_if(moves, [](const Move& move) { return move.bytes.empty(); });
      std::uint64_t bytes = 0;
      for (const Move& move : moves) bytes += move.bytes.size();
      TRY_VOID(carry_out(moves, inodes, promise));
      inodes.clear();
      outcome.moved_bytes += bytes;
      if (!page.last && page.next == from) TRY_VOID(catch_up());
      from = page.next;
      more = !page.last;
      if (!go_on(bytes)) return outcome;
    }
    TRY_VOID(catch_up());
    if (!any) {
      outcome.empty = true;
      return outcome;
    }
    if (outcome.damaged > 0) return outcome;
  }
  return outcome;
}

Status VolumeEmptier::catch_up() {
  TRY_VOID(core_.committer->commit());
  return core_.committer->settle();
}

Result<VolumeEmptier::Page> VolumeEmptier::next_page(const meta::VolumeUsage& volume, std::uint64_t from) {
  auto found = TRY(reader_->extents_in_volume(volume.volume, from, kRowsPerVictimPage));
  Page page;
  page.last = found.size() < kRowsPerVictimPage;
  std::uint64_t bytes = 0;
  std::uint64_t needle = from;
  for (auto& [inode, extent] : found) {
    const std::uint64_t at = extent.row.needle.at.offset;
    if (at != needle && bytes >= kStepBytes) {
      page.last = false;
      page.next = at;
      return page;
    }
    needle = at;
    bytes += extent.row.length;
    if (extent.row.needle.at.generation == volume.row.generation) page.rows.push_back({inode, extent});
  }
  if (page.last) return page;
  // The rows of the last needle may go on behind this page: it waits for the next one, unless it fills this one.
  page.next = needle;
  if (found.front().second.row.needle.at.offset != needle) {
    std::erase_if(page.rows, [&](const Row& row) { return row.extent.row.needle.at.offset == needle; });
  }
  return page;
}

Status VolumeEmptier::drop_changed_rows(std::vector<Row>& rows, std::map<InodeId, InodeRef>& inodes) {
  std::vector<Row> kept;
  for (Row& row : rows) {
    auto found = inodes.find(row.inode);
    if (found == inodes.end()) {
      auto inode = core_.inodes->get(row.inode);
      if (inode.code() == ENOENT) continue;
      found = inodes.emplace(row.inode, TRY(std::move(inode))).first;
    }
    Inode& inode = *found->second;
    ReaderLock lock(inode.mutex);
    if (TRY(files_.names(inode, row.extent))) kept.push_back(row);
  }
  rows = std::move(kept);
  return {};
}

std::vector<VolumeEmptier::Move> VolumeEmptier::moves_of(std::vector<Row> rows) {
  std::ranges::sort(rows, {}, [](const Row& row) {
    const ExtentRow& extent = row.extent.row;
    return std::tuple(extent.needle, extent.payload_offset, row.inode, row.extent.offset);
  });
  std::vector<Move> moves;
  for (Row& row : rows) {
    const ExtentRow& extent = row.extent.row;
    const std::uint64_t begin = extent.payload_offset;
    const std::uint64_t end = begin + extent.length;
    if (moves.empty() || moves.back().from != extent.needle || begin > moves.back().end) {
      moves.push_back({.from = extent.needle, .begin = begin, .end = end, .rows = {}, .bytes = {}});
    }
    moves.back().end = std::max(moves.back().end, end);
    moves.back().rows.push_back(row);
  }
  return moves;
}

Result<bool> VolumeEmptier::read(Move& move) {
  move.bytes.resize(move.end - move.begin);
  const Status status = core_.reader->read(move.from, move.begin, move.bytes);
  if (status.ok()) return true;
  if (status.code() != EUCLEAN && status.code() != EIO) return status.error();
  log(LogLevel::error, "inode {}: a needle that should be moved cannot be read, its volume stays: {}",
      move.rows.front().inode.value(), to_string(status.error()));
  move.bytes.clear();
  return false;
}

// All of these moves in one batch. Rows of a needle that are left for a later page go on naming the old one until then.
Status VolumeEmptier::carry_out(const std::vector<Move>& moves, std::map<InodeId, InodeRef>& inodes,
                                std::uint64_t& promise) {
  if (moves.empty()) return {};
  TRY_VOID(core_.committer->admit());
  core_.writer->throttle();
  // Writers that changed rows meanwhile can make it more than was promised.
  std::uint64_t needed = 0;
  for (const Move& move : moves) needed += store::needle_bytes_bound(move.bytes.size());
  if (needed > promise) {
    TRY_VOID(core_.pool->reserve(needed - promise));
    promise = needed;
  }
  std::size_t rows = 0;
  for (const Move& move : moves) rows += move.rows.size();
  const Gate::Pass pass = TRY(core_.committer->enter(2 * rows * meta::kExtentRecordBytes));
  for (const Move& move : moves) {
    std::uint64_t begin = move.begin;
    const NeedlePlace to = TRY(place_for(move, begin, promise));
    for (const Row& row : move.rows) {
      const ExtentRow& old = row.extent.row;
      const ExtentRow moved{old.length, to, static_cast<std::uint32_t>(old.payload_offset - begin)};
      Inode& inode = *inodes.at(row.inode);
      WriterLock lock(inode.mutex);
      (void)TRY(files_.redirect(inode, row.extent, moved));
    }
  }
  return {};
}

Result<NeedlePlace> VolumeEmptier::place_for(const Move& move, std::uint64_t& begin, std::uint64_t& promise) {
  // Not into a volume that is sealed by now: with no row left that names it, it may be about to be given back.
  const bool open = last_ && core_.writer->tail().volume == last_->to.at.volume;
  if (open && last_->from == move.from && last_->begin <= move.begin && move.end <= last_->end) {
    begin = last_->begin;
    return last_->to;
  }
  const Row& first = move.rows.front();
  const std::array<ByteSpan, 1> payload{move.bytes};
  const NeedlePlace to =
      TRY(core_.writer->append({store::NeedleKind::data, first.inode, first.extent.offset}, payload));
  const std::uint64_t used = std::min(promise, store::needle_bytes_bound(move.bytes.size()));
  promise -= used;
  core_.pool->release(used);
  last_ = Moved{move.from, move.begin, move.end, to};
  return to;
}

}  // namespace ciaos::engine
