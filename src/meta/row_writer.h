// Writes rows into the index, and keeps what is derived from them: listing, orphans, usage. Private to meta.
// Works inside the transaction of its caller, who begins it with begin() and rolls back after any error.
#pragma once

#include <cstdint>
#include <map>

#include "base/result.h"
#include "meta/changes.h"
#include "meta/connection.h"

namespace ciaos::meta {

class RowWriter {
 public:
  // `connection` outlives the writer.
  static Result<RowWriter> prepare(Connection& connection);

  // Forgets usage that an earlier transaction gathered and did not write.
  void begin() { usage_.clear(); }
  // Makes `changes` true. Deleting what is not there is no contradiction: a batch keeps the last change of a key only,
  // so a row that came and went inside one batch is a deletion of nothing.
  Status apply(const Changes& changes);
  // Adds rows to an index that has none of them. EUCLEAN for a name or an extent that it has, and for any deletion.
  Status fill(const Changes& rows);
  // Writes the usage gathered since begin(); the last thing before the commit.
  Status write_usage();

 private:
  struct Usage {
    std::int64_t extents = 0;
    std::int64_t bytes = 0;
  };
  struct Names {
    Statement find, remove, unlist, insert, list, newest;
  };
  struct Extents {
    Statement find, remove, insert, newest;
  };

  RowWriter() = default;

  Status write_inodes(const TableChanges<InodeRow>& changes);
  Status remove_names(const TableChanges<NameRow>& changes);
  Status insert_names(const TableChanges<NameRow>& changes);
  Status remove_extents(const TableChanges<ExtentRow>& changes);
  Status insert_extents(const TableChanges<ExtentRow>& changes);
  Status write_xattrs(const TableChanges<XattrRow>& changes);
  Status write_volumes(const TableChanges<VolumeRow>& changes);
  Status write_counters(const TableChanges<CounterRow>& changes);
  void count(std::uint64_t volume, std::int64_t extents, std::int64_t bytes);

  Names names_;
  Extents extents_;
  Statement put_inode_, remove_inode_, put_orphan_, remove_orphan_;
  Statement put_xattr_, remove_xattr_;
  Statement put_volume_, remove_volume_;
  Statement put_counter_, remove_counter_;
  Statement find_usage_, put_usage_, remove_usage_;
  std::map<std::uint64_t, Usage> usage_;  // by volume
};

}  // namespace ciaos::meta
