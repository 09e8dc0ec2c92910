// Row changes, and their bytes in the log: a format of its own that no change of the SQLite schema touches.
#pragma once

#include <cstddef>
#include <map>
#include <optional>

#include "base/bytes.h"
#include "base/result.h"
#include "meta/rows.h"

namespace ciaos::meta {

// Key to row, or to nullopt: deleted. The last change of a key wins, so a batch holds each key once.
template <typename Row>
using TableChanges = std::map<typename Row::Key, std::optional<Row>>;

struct Changes {
  TableChanges<InodeRow> inodes;
  TableChanges<NameRow> names;
  TableChanges<ExtentRow> extents;
  TableChanges<XattrRow> xattrs;
  TableChanges<VolumeRow> volumes;
  TableChanges<CounterRow> counters;

  bool empty() const;
  std::size_t count() const;
  bool operator==(const Changes&) const = default;
};

inline constexpr std::size_t kRecordBytesMax =
    256 * 1024;                                       // one record: a 64 KiB xattr value, a name, a symlink
inline constexpr std::size_t kRecordsMax = 1u << 21;  // of one Changes: bounds what a decoder allocates

// Deterministic: the same changes give the same bytes. REQUIRES: rows within the bounds of doc/format-records.md.
ByteVector encode_changes(const Changes& changes);
// EUCLEAN for anything out of bounds or out of order; ENOTSUP for a newer record version or an unknown table.
Result<Changes> decode_changes(ByteSpan bytes);

// Upper bounds of one record's bytes, for reservations and the size limit of a batch. Summed over all records of some
// changes they bound the bytes of encode_changes().
std::size_t record_bytes(const InodeRow& row);
std::size_t record_bytes(const NameKey& key);
std::size_t record_bytes(const XattrKey& key, const XattrRow& row);
inline constexpr std::size_t kExtentRecordBytes = 64;
inline constexpr std::size_t kVolumeRecordBytes = 32;
inline constexpr std::size_t kCounterRecordBytes = 24;

}  // namespace ciaos::meta
