// Every row of the filesystem as it is now: the overlay laid over the index.
//
// The overlay holds the records that the index has not applied yet, each with the number of its batch. A lookup asks it
// first, then the index. An entry leaves the overlay only after the index's transaction that holds it has committed,
// so a reader that misses it there finds it in the index. A range of extents is read overlay first, tombstones and all; a
// listing instead keeps entries from leaving while it reads both, since copying the names of a huge directory's overlay
// would cost more than the index thread's wait.
//
// Consistency between two calls is the caller's: it holds the lock of the inode whose rows it reads and changes.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "engine/change_marks.h"
#include "meta/changes.h"
#include "meta/index.h"

namespace ciaos::engine {

// Thread-safe. Its mutexes are leaves; order: leaving_, mutex_. No index read happens under mutex_.
class Rows {
 public:
  // `index` outlives this. Records are noted under `first_open`, the number of the open batch.
  Rows(meta::Index& index, Sequence first_open);

  // --- reading ---
  Result<std::optional<meta::InodeRow>> inode(InodeId id);
  Result<std::optional<meta::NameRow>> name(InodeId parent, std::string_view name);
  // At most `limit` names with a position above `after`, in order; fewer than `limit` only at the end.
  Result<std::vector<meta::NameEntry>> names(InodeId parent, std::uint64_t after, std::size_t limit);
  // At most `limit` names that are `from` or behind it, in byte order; fewer than `limit` only at the end.
  Result<std::vector<meta::NameEntry>> names_from(InodeId parent, std::string_view from, std::size_t limit);
  // Extents that overlap [begin, end), in order; more than `limit` are cut off (give limit + 1 to find out).
  Result<std::vector<meta::Extent>> extents(InodeId inode, std::uint64_t begin, std::uint64_t end,
                                            std::size_t limit);
  Result<std::optional<meta::XattrRow>> xattr(InodeId inode, std::string_view name);
  Result<std::vector<std::string>> xattr_names(InodeId inode);
  Result<std::vector<meta::VolumeUsage>> applied_volumes();
  // Questions that the overlay could not answer, and how long the index took over them.
  struct IndexReads {
    std::uint64_t count = 0;
    std::uint64_t nanoseconds = 0;
  };
  IndexReads index_reads() const { return {index_reads_.load(), index_read_ns_.load()}; }
  // The batch of the newest change to the inode's row that the index has not applied; 0: none.
  Sequence last_change(InodeId id) const;

  // --- changing: notes a record in the open batch. Only inside the gate, under the lock of the inode concerned. ---
  void put(InodeId id, const meta::InodeRow& row);
  void put(const meta::NameKey& key, const meta::NameRow& row);
  void put(const meta::ExtentKey& key, const meta::ExtentRow& row);
  void put(const meta::XattrKey& key, const meta::XattrRow& row);
  void put(VolumeId id, const meta::VolumeRow& row);
  void put(meta::Counter counter, std::uint32_t offset, std::uint64_t value);
  void erase(InodeId id);
  void erase(const meta::NameKey& key);
  void erase(const meta::ExtentKey& key);
  void erase(const meta::XattrKey& key);
  void erase(VolumeId id);

  // Of all that was put and erased.
  const ChangeMarks& marks() const { return marks_; }

  // --- batches ---
  // About how many bytes the records of the open batch will take.
  std::size_t open_bytes() const { return open_bytes_.load(); }
  // The newest batch that holds a change: the open one, or the one before it while nothing has changed since. (A buffered
  // write has changed its inode's row, so this covers what is not a needle yet.)
  Sequence newest_change() const;
  // Takes the open batch's records; what follows belongs to the next one. Only with the gate closed.
  std::shared_ptr<const meta::Changes> cut();
  // The index has applied `changes`, everything up to batch `applied`: entries that are not newer leave the overlay.
  void applied(const meta::Changes& changes, Sequence applied);

 private:
  // A pooled read connection.
  class Lease;
  Result<Lease> lease();

  template <typename Row>
  struct Entry {
    Sequence batch;
    std::optional<Row> row;
  };
  template <typename Row>
  using Layer = std::map<typename Row::Key, Entry<Row>>;

  template <typename Row>
  void note(Layer<Row>& layer, meta::TableChanges<Row>& open, const typename Row::Key& key,
            std::optional<Row> row, std::size_t bytes) REQUIRES(mutex_);
  template <typename Row>
  static void drop(Layer<Row>& layer, const meta::TableChanges<Row>& changes, Sequence applied);
  void forget_position(const meta::NameKey& key) REQUIRES(mutex_);

  meta::Index& index_;
  ChangeMarks marks_;

  SharedMutex leaving_;  // shared: no entry leaves the overlay
  mutable SharedMutex mutex_;
  Sequence open_batch_ GUARDED_BY(mutex_);
  std::shared_ptr<meta::Changes> open_ GUARDED_BY(mutex_);
  std::atomic<std::size_t> open_bytes_{0};  // changed under mutex_
  Layer<meta::InodeRow> inodes_ GUARDED_BY(mutex_);
  Layer<meta::NameRow> names_ GUARDED_BY(mutex_);
  Layer<meta::ExtentRow> extents_ GUARDED_BY(mutex_);
  Layer<meta::XattrRow> xattrs_ GUARDED_BY(mutex_);
  // Positions of the names in names_ that are rows, for listings.
  std::map<std::pair<InodeId, std::uint64_t>, std::string> positions_ GUARDED_BY(mutex_);

  std::atomic<std::uint64_t> index_reads_{0};
  std::atomic<std::uint64_t> index_read_ns_{0};
  Mutex pool_mutex_;
  std::vector<meta::IndexReader> pool_ GUARDED_BY(pool_mutex_);
};

}  // namespace ciaos::engine
