#include "tools/fsck/row_edits.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <limits>

#include "meta/first_rows.h"

namespace ciaos::fsck {
namespace {

using meta::Changes;
using meta::InodeRow;
using meta::NameKey;
using meta::NameRow;

constexpr std::uint64_t kFileEnd = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kNamesAtOnce = 4096;

template <typename Row>
void merge(meta::TableChanges<Row>& older, const meta::TableChanges<Row>& newer) {
  for (const auto& [key, row] : newer) older.insert_or_assign(key, row);
}

std::size_t bytes_of(InodeId, const std::optional<InodeRow>& row) {
  return row ? meta::record_bytes(*row) : meta::record_bytes(InodeRow());
}
std::size_t bytes_of(const NameKey& key, const std::optional<NameRow>&) { return meta::record_bytes(key); }
std::size_t bytes_of(const meta::ExtentKey&, const std::optional<meta::ExtentRow>&) {
  return meta::kExtentRecordBytes;
}
std::size_t bytes_of(const meta::XattrKey& key, const std::optional<meta::XattrRow>& row) {
  return meta::record_bytes(key, row ? *row : meta::XattrRow());
}
std::size_t bytes_of(VolumeId, const std::optional<meta::VolumeRow>&) { return meta::kVolumeRecordBytes; }
std::size_t bytes_of(std::uint32_t, const std::optional<meta::CounterRow>&) {
  return meta::kCounterRecordBytes;
}

class Splitter {
 public:
  explicit Splitter(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  template <typename Row>
  void add(const meta::TableChanges<Row>& table, meta::TableChanges<Row> Changes::*into) {
    for (const auto& [key, row] : table) {
      const std::size_t bytes = bytes_of(key, row);
      if (pieces_.empty() || bytes_ + bytes > bytes_max_ || pieces_.back().count() >= meta::kRecordsMax) {
        pieces_.emplace_back();
        bytes_ = 0;
      }
      bytes_ += bytes;
      (pieces_.back().*into).emplace(key, row);
    }
  }
  std::vector<Changes> take() { return std::move(pieces_); }

 private:
  const std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  std::vector<Changes> pieces_;
};

}  // namespace

Result<InodeRow*> RowEdits::inode(InodeId id) {
  auto at = changes_.inodes.find(id);
  if (at == changes_.inodes.end()) {
    std::optional<InodeRow> row = TRY(rows_.inode(id));
    if (!row) return static_cast<InodeRow*>(nullptr);
    at = changes_.inodes.emplace(id, std::move(row)).first;
  }
  return at->second ? &*at->second : nullptr;
}

InodeId RowEdits::make_inode(InodeRow row) {
  highest_inode_ = InodeId(highest_inode_.value() + 1);
  put_inode(highest_inode_, std::move(row));
  return highest_inode_;
}

Result<std::optional<NameRow>> RowEdits::name(const NameKey& key) {
  const auto at = changes_.names.find(key);
  return at != changes_.names.end() ? at->second : TRY(rows_.name(key.parent, key.name));
}

Result<std::optional<meta::XattrRow>> RowEdits::xattr(const meta::XattrKey& key) {
  const auto at = changes_.xattrs.find(key);
  return at != changes_.xattrs.end() ? at->second : TRY(rows_.xattr(key.inode, key.name));
}

// The number in the directory's row may be one of the things that are wrong.
Result<std::uint64_t> RowEdits::free_position(InodeId directory, std::uint64_t from) {
  std::uint64_t free = std::max(from, meta::kFirstPosition);
  for (;;) {
    const auto names = TRY(rows_.names(directory, free - 1, kNamesAtOnce));
    if (names.empty()) return free;
    free = names.back().row.position + 1;
  }
}

Status RowEdits::add_name(const NameKey& key, InodeId child, std::uint8_t type) {
  InodeRow* const directory = TRY(inode(key.parent));
  CIAOS_ASSERT(directory != nullptr);
  const std::uint64_t position = TRY(free_position(key.parent, directory->next_position));
  directory->next_position = position + 1;
  ++directory->entries;
  if (type == DT_DIR) ++directory->links;
  changes_.names[key] = NameRow{child, position, type};
  return {};
}

Status RowEdits::remove_name(const NameKey& key) {
  const std::optional<NameRow> row = TRY(name(key));
  if (!row) return {};
  changes_.names[key] = std::nullopt;
  InodeRow* const directory = TRY(inode(key.parent));
  if (directory == nullptr || !S_ISDIR(directory->mode)) return {};
  if (directory->entries > 0) --directory->entries;
  if (row->type == DT_DIR && directory->links > 2) --directory->links;
  return {};
}

Result<std::vector<meta::Extent>> RowEdits::extents(InodeId file) {
  return rows_.extents(file, 0, kFileEnd, std::numeric_limits<std::size_t>::max());
}

Status RowEdits::put_extents(InodeId file, const std::vector<meta::Extent>& extents) {
  for (const meta::Extent& old : TRY(this->extents(file))) remove_extent({file, old.offset});
  for (const meta::Extent& extent : extents) changes_.extents[{file, extent.offset}] = extent.row;
  return {};
}

void merge_changes(Changes& older, const Changes& newer) {
  merge(older.inodes, newer.inodes);
  merge(older.names, newer.names);
  merge(older.extents, newer.extents);
  merge(older.xattrs, newer.xattrs);
  merge(older.volumes, newer.volumes);
  merge(older.counters, newer.counters);
}

std::vector<Changes> split_changes(const Changes& changes, std::size_t bytes) {
  Splitter splitter(bytes);
  splitter.add(changes.inodes, &Changes::inodes);
  splitter.add(changes.names, &Changes::names);
  splitter.add(changes.extents, &Changes::extents);
  splitter.add(changes.xattrs, &Changes::xattrs);
  splitter.add(changes.volumes, &Changes::volumes);
  splitter.add(changes.counters, &Changes::counters);
  return splitter.take();
}

}  // namespace ciaos::fsck
