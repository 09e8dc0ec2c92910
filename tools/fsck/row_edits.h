// Rows as they will be after a repair: changes that are gathered in front of rows that stay as they are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "meta/index.h"

namespace ciaos::fsck {

// Not thread-safe. Counts that a change of names moves move with it; whether they were right before is not asked.
class RowEdits {
 public:
  // `highest_inode`: numbers above it are free. Both outlive this.
  RowEdits(meta::IndexReader& rows, InodeId& highest_inode) : rows_(rows), highest_inode_(highest_inode) {}

  const meta::Changes& changes() const { return changes_; }

  // To be changed at will; null if there is none. Until the next call.
  Result<meta::InodeRow*> inode(InodeId id);
  void put_inode(InodeId id, meta::InodeRow row) { changes_.inodes[id] = std::move(row); }
  // An inode of its own number, without a name.
  InodeId make_inode(meta::InodeRow row);

  Result<std::optional<meta::NameRow>> name(const meta::NameKey& key);
  // At a position of its own behind all others. REQUIRES: the parent is a directory and has no such name.
  Status add_name(const meta::NameKey& key, InodeId child, std::uint8_t type);
  // Also where there is no such directory.
  Status remove_name(const meta::NameKey& key);
  void change_name(const meta::NameKey& key, const meta::NameRow& row) { changes_.names[key] = row; }

  // Rows of a file as they were, in order, overlapping ones too.
  Result<std::vector<meta::Extent>> extents(InodeId file);
  // Replaces all rows of `file`. REQUIRES: it was not changed otherwise.
  Status put_extents(InodeId file, const std::vector<meta::Extent>& extents);
  void remove_extent(const meta::ExtentKey& key) { changes_.extents[key] = std::nullopt; }

  // As it will be; nothing if there is none.
  Result<std::optional<meta::XattrRow>> xattr(const meta::XattrKey& key);
  void put_xattr(const meta::XattrKey& key, meta::XattrRow row) { changes_.xattrs[key] = std::move(row); }
  void remove_xattr(const meta::XattrKey& key) { changes_.xattrs[key] = std::nullopt; }
  void remove_volume(VolumeId volume) { changes_.volumes[volume] = std::nullopt; }
  void set_counter(std::uint32_t key, std::uint64_t value) {
    changes_.counters[key] = meta::CounterRow{value};
  }

 private:
  Result<std::uint64_t> free_position(InodeId directory, std::uint64_t from);

  meta::IndexReader& rows_;
  InodeId& highest_inode_;
  meta::Changes changes_;
};

// The newer changes on top of the older ones.
void merge_changes(meta::Changes& older, const meta::Changes& newer);
// The same changes in pieces of at most about `bytes` of records each.
std::vector<meta::Changes> split_changes(const meta::Changes& changes, std::size_t bytes);

}  // namespace ciaos::fsck
