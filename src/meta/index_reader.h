// What a read connection holds. Private to meta; the interface is IndexReader in index.h.
#pragma once

#include <memory>

#include "meta/connection.h"
#include "meta/index.h"

namespace ciaos::meta {

#define CIAOS_EXTENT_COLUMNS "inode,offset,length,volume,generation,needle,payload,crc,payload_offset"

namespace queries {
// The queries that have to go by ranges of keys; a test reads SQLite's plans for them.
inline constexpr const char* kNames =
    "SELECT name,child,position,type FROM listing WHERE parent=? AND position>? ORDER BY position LIMIT ?";
// In byte order, from a name on; the table is kept in that order.
inline constexpr const char* kNamesFrom =
    "SELECT name,child,position,type FROM names WHERE parent=? AND name>=? ORDER BY name LIMIT ?";
// From the last extent that begins at or before the range: it is the only one before it that may reach into it.
inline constexpr const char* kExtents =
    "SELECT " CIAOS_EXTENT_COLUMNS
    " FROM extents WHERE inode=?1 AND offset<?3 AND offset>=coalesce((SELECT offset"
    " FROM extents WHERE inode=?1 AND offset<=?2 ORDER BY offset DESC LIMIT 1),?2) ORDER BY offset";
inline constexpr const char* kInVolume =
    "SELECT " CIAOS_EXTENT_COLUMNS
    " FROM extents WHERE volume=? AND needle>=? ORDER BY needle,inode,offset LIMIT ?";
inline constexpr const char* kScanNames =
    "SELECT parent,name,child,position,type FROM names WHERE (parent,name)>(?,?) ORDER BY parent,name";
inline constexpr const char* kScanExtents =
    "SELECT " CIAOS_EXTENT_COLUMNS " FROM extents WHERE (inode,offset)>(?,?) ORDER BY inode,offset";
inline constexpr const char* kScanXattrs =
    "SELECT inode,name,value FROM xattrs WHERE (inode,name)>(?,?) ORDER BY inode,name";
}  // namespace queries

#undef CIAOS_EXTENT_COLUMNS

struct IndexReader::State {
  explicit State(Connection opened) : connection(std::move(opened)) {}
  static Result<std::unique_ptr<State>> prepare(Connection opened);

  Connection connection;
  Statement inode, name, names, names_from, extents, xattr, xattr_names, volumes, reserved, counter, orphans,
      having_xattr, in_volume, applied;
  // Whole tables in the order of their keys, from behind a key.
  struct {
    Statement inodes, names, extents, xattrs, volumes, counters;
  } scan;
  bool in_transaction = false;
};

// Columns of the order in which every statement names them, as rows; EUCLEAN when they hold what no row may.
Result<InodeRow> inode_row_at(const Statement& statement, int column, InodeId id);
Result<NameRow> name_row_at(const Statement& statement, int column, const NameKey& key);
Result<ExtentRow> extent_row_at(const Statement& statement, int column, const ExtentKey& key);
Result<VolumeRow> volume_row_at(const Statement& statement, int column, VolumeId id);

// The applied position as it is kept; shared by the readers and the index itself.
inline constexpr const char* kAppliedQuery = "SELECT value FROM meta WHERE key='applied'";
Result<std::optional<TxnRef>> applied_position(Statement& query);

}  // namespace ciaos::meta
