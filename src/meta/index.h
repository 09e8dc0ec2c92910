// The index: what the records of the log add up to, in SQLite. It can be deleted and is rebuilt from the volumes.
//
// One writer (the index thread, or recovery before there are threads) and any number of readers on connections of
// their own. Errors: EUCLEAN the database is damaged or contradicts a record; ESTALE it belongs to another store;
// ENOTSUP a newer schema; ENOSPC, EIO from below.
//
// apply(), load() and finish_load() belong to the one writer; checkpoint(), wal_bytes() and reader() may be called from
// any thread while it writes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/log_position.h"
#include "base/result.h"
#include "base/uuid.h"
#include "meta/changes.h"
#include "meta/extents.h"

namespace ciaos::meta {

struct NameEntry {
  std::string name;
  NameRow row;
};

// Live rows of a volume; kept by the index as it applies, never counted by scanning.
struct VolumeUsage {
  VolumeId volume;
  VolumeRow row;
  std::uint64_t extents = 0;  // rows that name a needle in it
  std::uint64_t bytes = 0;    // sum of their lengths; bytes named twice count twice
};

// A read connection. Not thread-safe; cheap to keep, not cheap to make: pool them. Each call is a short read
// transaction of its own unless begin() is in force.
class IndexReader {
 public:
  ~IndexReader();
  IndexReader(IndexReader&&) noexcept;
  IndexReader& operator=(IndexReader&&) noexcept;

  Result<std::optional<InodeRow>> inode(InodeId id);
  Result<std::optional<NameRow>> name(InodeId parent, std::string_view name);
  // At most `limit` names with a position above `after`, in order of position.
  Result<std::vector<NameEntry>> names(InodeId parent, std::uint64_t after, std::size_t limit);
  // At most `limit` names that are `from` or behind it, in byte order.
  Result<std::vector<NameEntry>> names_from(InodeId parent, std::string_view from, std::size_t limit);
  // Rows that overlap [begin, end), in order, at most `limit`.
  Result<std::vector<Extent>> extents(InodeId inode, std::uint64_t begin, std::uint64_t end,
                                      std::size_t limit);
  Result<std::optional<XattrRow>> xattr(InodeId inode, std::string_view name);
  Result<std::vector<std::string>> xattr_names(InodeId inode);
  Result<std::vector<VolumeUsage>> volumes();
  // Of all files, the bytes of reserved extents.
  Result<std::uint64_t> reserved_bytes();
  Result<std::optional<std::uint64_t>> counter(std::uint32_t key);
  // Inodes without links, at most `limit`, above `after`.
  Result<std::vector<InodeId>> orphans(InodeId after, std::size_t limit);
  // Inodes that have an extended attribute of this name, at most `limit`, above `after`. Reads all attributes that there are.
  Result<std::vector<InodeId>> having_xattr(std::string_view name, InodeId after, std::size_t limit);
  // Rows naming needles of a volume, in order of needle offset, starting at `needle_offset`.
  Result<std::vector<std::pair<InodeId, Extent>>> extents_in_volume(VolumeId volume,
                                                                    std::uint64_t needle_offset,
                                                                    std::size_t limit);
  // The batch up to which all is applied; nullopt in an index that has none yet.
  Result<std::optional<TxnRef>> applied();

  // One consistent view over many calls: for snapshots and fsck. Ends with end() or the reader.
  Status begin();
  Status end();
  // Walks every row of every table in a fixed order: sets `out` to the next rows, about `bytes` of records; false, and
  // `out` empty, when nothing is left. Start with a default Cursor. Call between begin() and end().
  struct Cursor {
    int table = 0;
    Changes last;  // the last row given, to go on behind it
  };
  Result<bool> scan(Cursor& cursor, std::size_t bytes, Changes& out);

 private:
  friend class Index;
  struct State;
  explicit IndexReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class Index {
 public:
  enum class Mode { open_or_create, existing, read_only };
  // `directory` holds the database and nothing else of ours. ENOENT for a missing one unless open_or_create. Runs
  // migrations of older schemas. Damage that SQLite sees at once is EUCLEAN; deeper damage comes with the reads.
  // read_only writes nothing at all, not even beside the database: EAGAIN when its WAL holds something or its schema is
  // older, so that only a copy of it can be opened, by a writer.
  static Result<std::unique_ptr<Index>> open(const std::string& directory, const Uuid& store, Mode mode);
  static std::string database_file(const std::string& directory);
  // Deletes the database's files in `directory`.
  static Status remove(const std::string& directory);
  ~Index();

  // One transaction: all changes in order, and the applied position. REQUIRES: `position` is ahead of applied().
  Status apply(std::span<const Changes* const> batches, const TxnRef& position);
  // Filling an empty index from a snapshot: many load() calls, none of them a state anybody may see, until
  // finish_load() sets the position. A load that was cut short is found empty (no applied position) at the next open.
  Status load(const Changes& rows);
  Status finish_load(const TxnRef& position);

  // Moves the WAL into the database and syncs both: afterwards applied() survives a power cut. Blocks for long, and the
  // writer only at its end. While a reader is between begin() and end() the WAL may stay, and is synced where it lies.
  Status checkpoint();
  // Of what the WAL holds; its file may be longer.
  std::uint64_t wal_bytes() const;
  Result<IndexReader> reader();

 private:
  struct State;
  explicit Index(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace ciaos::meta
