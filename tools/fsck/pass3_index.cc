// The store's own index against the rows that pass 2 built: the same position, brought forward if need be, must be the
// same rows. None at all is fine; the next mount makes one.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "tools/fsck/check.h"
#include "tools/fsck/own_index.h"
#include "tools/fsck/replay.h"

namespace ciaos::fsck {
namespace {

using meta::Changes;
using meta::IndexReader;

Result<std::optional<meta::ExtentRow>> extent_at(IndexReader& reader, const meta::ExtentKey& key) {
  for (std::size_t limit = 4;; limit *= 16) {
    const auto overlapping = TRY(reader.extents(key.inode, key.offset, key.offset + 1, limit));
    for (const meta::Extent& extent : overlapping) {
      if (extent.offset == key.offset) return std::optional(extent.row);
    }
    if (overlapping.size() < limit) return std::optional<meta::ExtentRow>();
  }
}

// Looks up every row of one side in the other. Two sides where each row of the first is in the second, and that have as
// many rows, are the same.
class Comparison {
 public:
  Comparison(Report& report, IndexReader& other, const std::vector<meta::VolumeUsage>& other_volumes)
      : report_(report), other_(other), other_volumes_(other_volumes) {}

  Status compare(const Changes& piece) {
    rows_ += piece.count();
    for (const auto& [key, row] : piece.inodes) {
      same(row, TRY(other_.inode(key)), key, fmt::format("inode {}", key.value()));
    }
    for (const auto& [key, row] : piece.names) {
      same(row, TRY(other_.name(key.parent, key.name)), row->child, "the name " + in_quotes(key.name));
    }
    for (const auto& [key, row] : piece.extents) {
      same(row, TRY(extent_at(other_, key)), key.inode, fmt::format("the extent at {}", key.offset));
    }
    for (const auto& [key, row] : piece.xattrs) {
      same(row, TRY(other_.xattr(key.inode, key.name)), key.inode, "attribute " + in_quotes(key.name));
    }
    for (const auto& [key, row] : piece.volumes) {
      const auto at = std::find_if(other_volumes_.begin(), other_volumes_.end(),
                                   [id = key](const meta::VolumeUsage& usage) { return usage.volume == id; });
      same(row, at == other_volumes_.end() ? std::nullopt : std::optional(at->row), InodeId(),
           fmt::format("volume {}", key.value()));
    }
    for (const auto& [key, row] : piece.counters) {
      const std::optional<std::uint64_t> value = TRY(other_.counter(key));
      same(row, value ? std::optional(meta::CounterRow{*value}) : std::nullopt, InodeId(),
           fmt::format("counter {}", key));
    }
    return {};
  }
  std::uint64_t rows() const { return rows_; }

 private:
  template <typename Row>
  void same(const std::optional<Row>& here, const std::optional<Row>& there, InodeId inode,
            const std::string& what) {
    if (here != there) report_.add({.problem = Problem::index_row_differs, .inode = inode, .what = what});
  }

  Report& report_;
  IndexReader& other_;
  const std::vector<meta::VolumeUsage>& other_volumes_;
  std::uint64_t rows_ = 0;
};

Status compare_all(Check& check, IndexReader& own) {
  const auto own_volumes = TRY(own.volumes());
  const auto volumes = TRY(check.rows->volumes());
  Comparison forward(check.report, own, own_volumes);
  const auto look_up = [&](const Changes& piece) -> Status {
    TRY_VOID(check.progress.step(piece.count()));
    return forward.compare(piece);
  };
  TRY_VOID(for_each_row(*check.rows, look_up));
  std::uint64_t own_rows = 0;
  TRY_VOID(for_each_row(own, [&own_rows](const Changes& piece) {
    own_rows += piece.count();
    return Status();
  }));
  if (own_rows > forward.rows()) {
    // Rows that only the index has; what both have and differ in was told already.
    Comparison backward(check.report, *check.rows, volumes);
    TRY_VOID(for_each_row(own, [&](const Changes& piece) { return backward.compare(piece); }));
  }
  for (const meta::VolumeUsage& usage : volumes) {
    const auto at =
        std::find_if(own_volumes.begin(), own_volumes.end(),
                     [&usage](const meta::VolumeUsage& other) { return usage.volume == other.volume; });
    if (at != own_volumes.end() && (at->bytes != usage.bytes || at->extents != usage.extents)) {
      check.report.add({.problem = Problem::index_usage_differs,
                        .volume = usage.volume,
                        .found = at->bytes,
                        .expected = usage.bytes});
    }
  }
  const std::uint64_t own_reserved = TRY(own.reserved_bytes());
  const std::uint64_t reserved = TRY(check.rows->reserved_bytes());
  if (own_reserved != reserved) {
    check.report.add({.problem = Problem::index_usage_differs,
                      .volume = meta::kNoVolume,
                      .found = own_reserved,
                      .expected = reserved});
  }
  return {};
}

// Brings the index to the end of the log, as a mount would. False: told, there is nothing to compare.
Result<bool> catch_up(Check& check, OwnIndex& own) {
  if (own.applied == check.log_end) return true;
  if (own.applied.sequence >= check.log_end.sequence) {
    check.report.add({.problem = Problem::index_foreign,
                      .name = check.index_directory,
                      .what = fmt::format("it is at batch {}, the log ends with {}",
                                          own.applied.sequence.value(), check.log_end.sequence.value())});
    return false;
  }
  check.report.add({.problem = Problem::index_behind,
                    .found = own.applied.sequence.value(),
                    .expected = check.log_end.sequence.value()});
  if (!own.writable) {
    OwnIndexOpened copy = TRY(open_own_index(check, OwnIndexAccess::copy));
    if (copy.finding) check.report.add(std::move(*copy.finding));
    if (!copy.own) return false;
    own = std::move(*copy.own);
  }
  Replay rest =
      TRY(replay(*check.volumes, check.superblock.uuid, own.applied, own.index.get(), check.progress));
  if (!rest.stopped) return true;
  check.report.add(
      {.problem = Problem::index_damaged, .name = check.index_directory, .what = rest.stopped->what});
  return false;
}

}  // namespace

Status pass3_index(Check& check) {
  if (check.rows_from_index) return {};  // there is nothing to hold it against
  OwnIndexOpened opened = TRY(open_own_index(check, OwnIndexAccess::in_place));
  // A store that nobody has opened yet has none.
  const bool is_new = check.log_end.sequence == Sequence(1);
  if (opened.finding && !(is_new && opened.finding->problem == Problem::index_missing))
    check.report.add(std::move(*opened.finding));
  if (!opened.own) return {};
  OwnIndex& own = *opened.own;
  if (!TRY(catch_up(check, own))) return {};
  meta::IndexReader reader = TRY(own.index->reader());
  Status compared = compare_all(check, reader);
  if (compared.code() == EUCLEAN) {
    check.report.add({.problem = Problem::index_damaged,
                      .name = check.index_directory,
                      .what = to_string(compared.error())});
    return {};
  }
  return compared;
}

Result<bool> looks_clean(Check& check) {
  if (check.options.rebuild_index) return false;
  OwnIndexOpened opened = TRY(open_own_index(check, OwnIndexAccess::in_place));
  // A close leaves nothing in the index's own log, and one that has something there was opened as a copy.
  if (!opened.own || opened.own->writable) return false;
  const Replay log =
      TRY(replay(*check.volumes, check.superblock.uuid, opened.own->applied, nullptr, check.progress));
  check.log_end = log.end;
  check.totals.batches = log.batches;
  meta::IndexReader reader = TRY(opened.own->index->reader());
  const auto inodes = TRY(reader.counter(static_cast<std::uint32_t>(meta::Counter::inodes)));
  const auto stored = TRY(reader.counter(static_cast<std::uint32_t>(meta::Counter::stored_bytes)));
  check.totals.inodes = inodes.value_or(0);
  check.totals.stored_bytes = stored.value_or(0);
  if (log.end.sequence < check.superblock.log_reached) return false;
  const std::vector<VolumeId> existing = TRY(check.volumes->existing_volumes());
  for (const meta::VolumeUsage& usage : TRY(reader.volumes())) {
    const bool there = std::find(existing.begin(), existing.end(), usage.volume) != existing.end();
    if (usage.row.state != meta::VolumeState::free && !there) return false;
  }
  return log.end == opened.own->applied && !log.torn_tail && !log.stopped && inodes.has_value();
}

}  // namespace ciaos::fsck
