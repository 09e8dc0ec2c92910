// Extents: first in the order of files (do they fit each other and their inode), then in the order of needles, so that
// every header is read once and the device is walked forward.
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "tools/fsck/check.h"
#include "tools/fsck/needle_check.h"

namespace ciaos::fsck {
namespace {

using meta::Changes;
using meta::Extent;

class FileExtents {
 public:
  explicit FileExtents(Check& check) : check_(check), report_(check.report) {}

  Status add(const meta::ExtentKey& key, const meta::ExtentRow& row) {
    if (key.inode != inode_) {
      end_of_file();
      TRY_VOID(begin_file(key.inode));
    }
    ++check_.totals.extents;
    check_.totals.stored_bytes += row.length;
    stored_bytes_ += row.length;
    const std::uint64_t end = key.offset + row.length;
    if (!row.is_reserved()) data_end_ = std::max(data_end_, end);
    if (key.offset < end_) {
      report_.add(
          {.problem = Problem::extents_overlap, .inode = inode_, .offset = key.offset, .expected = end_});
    }
    end_ = std::max(end_, end);
    return {};
  }

  void end_of_file() {
    if (inode_ == InodeId()) return;
    if (!row_) {
      report_.add({.problem = Problem::extent_without_inode, .found = inode_.value()});
      return;
    }
    if (!S_ISREG(row_->mode)) report_.add({.problem = Problem::extent_of_no_file, .inode = inode_});
    // What is reserved may lie there: FALLOC_FL_KEEP_SIZE.
    if (data_end_ > row_->size) {
      report_.add(
          {.problem = Problem::extent_past_end, .inode = inode_, .found = data_end_, .expected = row_->size});
    }
    if (stored_bytes_ != row_->stored_bytes) {
      report_.add({.problem = Problem::inode_stored_bytes_wrong,
                   .inode = inode_,
                   .found = row_->stored_bytes,
                   .expected = stored_bytes_});
    }
  }

 private:
  Status begin_file(InodeId inode) {
    inode_ = inode;
    check_.highest_inode = std::max(check_.highest_inode, inode);
    row_ = TRY(check_.rows->inode(inode));
    end_ = data_end_ = 0;
    stored_bytes_ = 0;
    return {};
  }

  Check& check_;
  Report& report_;
  InodeId inode_;
  std::optional<meta::InodeRow> row_;
  std::uint64_t end_ = 0;
  std::uint64_t data_end_ = 0;  // of extents that name needles
  std::uint64_t stored_bytes_ = 0;
};

// An inode that says it stores bytes and has no extent is met by no walk over extents.
Status check_without_extents(Check& check, InodeId id, const meta::InodeRow& row) {
  if (row.stored_bytes == 0) return {};
  const auto some = TRY(check.rows->extents(id, 0, ~std::uint64_t{0}, 1));
  if (some.empty()) {
    check.report.add({.problem = Problem::inode_stored_bytes_wrong,
                      .inode = id,
                      .found = row.stored_bytes,
                      .expected = 0});
  }
  return {};
}

Status check_files(Check& check) {
  FileExtents files(check);
  const auto visit = [&](const Changes& piece) -> Status {
    for (const auto& [id, row] : piece.inodes) TRY_VOID(check_without_extents(check, id, *row));
    for (const auto& [key, row] : piece.extents) TRY_VOID(files.add(key, *row));
    return check.progress.step(piece.extents.size());
  };
  TRY_VOID(for_each_row(*check.rows, visit));
  files.end_of_file();
  return {};
}

using NamedExtent = std::pair<InodeId, Extent>;

// All rows that name needles of `volume`, those of one needle together.
Status for_each_needle(Check& check, VolumeId volume,
                       const std::function<Status(const std::vector<NamedExtent>&)>& visit) {
  constexpr std::size_t kRowsAtOnce = 4096;
  std::uint64_t offset = 0;
  for (std::size_t limit = kRowsAtOnce;;) {
    const auto rows = TRY(check.rows->extents_in_volume(volume, offset, limit));
    const bool last = rows.size() < limit;
    std::vector<NamedExtent> group;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      group.push_back(rows[i]);
      const bool ends = i + 1 == rows.size() ||
                        rows[i + 1].second.row.needle.at.offset != rows[i].second.row.needle.at.offset;
      // The last needle of a full page may go on in the next one: that page begins with it again.
      if (!ends || (i + 1 == rows.size() && !last)) continue;
      TRY_VOID(visit(group));
      TRY_VOID(check.progress.step(group.size()));
      group.clear();
    }
    if (last) return {};
    const std::uint64_t next = rows.back().second.row.needle.at.offset;
    limit = next == offset ? limit * 4 : kRowsAtOnce;
    offset = next;
  }
}

}  // namespace

Status pass5_extents(Check& check) {
  const auto volumes = TRY(check.rows->volumes());
  std::uint64_t extents = 0;
  for (const meta::VolumeUsage& usage : volumes) extents += usage.extents;
  check.progress.begin(5, 2 * extents);
  TRY_VOID(check_files(check));
  if (check.rows_only) return {};
  for (const meta::VolumeUsage& usage : volumes) {
    NeedleCheck needles(check, usage);
    TRY_VOID(for_each_needle(check, usage.volume, [&needles](const std::vector<NamedExtent>& rows) {
      return needles.check(rows);
    }));
    needles.check_usage();
  }
  return {};
}

}  // namespace ciaos::fsck
