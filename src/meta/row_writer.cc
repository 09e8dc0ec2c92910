#include "meta/row_writer.h"

#include <algorithm>
#include <string>

#include "meta/row_codec.h"

namespace ciaos::meta {

namespace {

std::string describe(const NameKey& key) {
  return "name \"" + key.name + "\" in directory " + std::to_string(key.parent.value());
}

template <typename Row>
bool only_rows(const TableChanges<Row>& changes) {
  return std::all_of(changes.begin(), changes.end(),
                     [](const auto& change) { return change.second.has_value(); });
}

}  // namespace

Result<RowWriter> RowWriter::prepare(Connection& connection) {
  RowWriter w;
  w.put_inode_ = TRY(connection.prepare("INSERT OR REPLACE INTO inodes VALUES(?,?)"));
  w.remove_inode_ = TRY(connection.prepare("DELETE FROM inodes WHERE id=?"));
  w.put_orphan_ = TRY(connection.prepare("INSERT OR IGNORE INTO orphans VALUES(?)"));
  w.remove_orphan_ = TRY(connection.prepare("DELETE FROM orphans WHERE id=?"));
  w.names_.newest = TRY(connection.prepare("SELECT max(parent) FROM names"));
  w.names_.find = TRY(connection.prepare("SELECT position FROM names WHERE parent=? AND name=?"));
  w.names_.remove = TRY(connection.prepare("DELETE FROM names WHERE parent=? AND name=?"));
  w.names_.unlist = TRY(connection.prepare("DELETE FROM listing WHERE parent=? AND position=?"));
  w.names_.insert =
      TRY(connection.prepare("INSERT INTO names(parent,name,child,position,type) VALUES(?1,?2,?3,?4,?5)"));
  w.names_.list =
      TRY(connection.prepare("INSERT INTO listing(parent,name,child,position,type) VALUES(?1,?2,?3,?4,?5)"));
  w.extents_.newest = TRY(connection.prepare("SELECT max(inode) FROM extents"));
  w.extents_.find = TRY(connection.prepare("SELECT volume,length FROM extents WHERE inode=? AND offset=?"));
  w.extents_.remove = TRY(connection.prepare("DELETE FROM extents WHERE inode=? AND offset=?"));
  w.extents_.insert = TRY(connection.prepare(
      "INSERT INTO extents(inode,offset,length,volume,generation,needle,payload,crc,payload_offset)"
      " VALUES(?,?,?,?,?,?,?,?,?)"));
  w.put_xattr_ = TRY(connection.prepare("INSERT OR REPLACE INTO xattrs(inode,name,value) VALUES(?,?,?)"));
  w.remove_xattr_ = TRY(connection.prepare("DELETE FROM xattrs WHERE inode=? AND name=?"));
  w.put_volume_ =
      TRY(connection.prepare("INSERT OR REPLACE INTO volumes(id,generation,state,last_txn) VALUES(?,?,?,?)"));
  w.remove_volume_ = TRY(connection.prepare("DELETE FROM volumes WHERE id=?"));
  w.put_counter_ = TRY(connection.prepare("INSERT OR REPLACE INTO counters(id,value) VALUES(?,?)"));
  w.remove_counter_ = TRY(connection.prepare("DELETE FROM counters WHERE id=?"));
  w.find_usage_ = TRY(connection.prepare("SELECT extents,bytes FROM usage WHERE volume=?"));
  w.put_usage_ = TRY(connection.prepare("INSERT OR REPLACE INTO usage(volume,extents,bytes) VALUES(?,?,?)"));
  w.remove_usage_ = TRY(connection.prepare("DELETE FROM usage WHERE volume=?"));
  return w;
}

Status RowWriter::apply(const Changes& changes) {
  TRY_VOID(write_inodes(changes.inodes));
  // All old rows go before the first new one comes: names may trade positions within a batch.
  TRY_VOID(remove_names(changes.names));
  TRY_VOID(insert_names(changes.names));
  TRY_VOID(remove_extents(changes.extents));
  TRY_VOID(insert_extents(changes.extents));
  TRY_VOID(write_xattrs(changes.xattrs));
  TRY_VOID(write_volumes(changes.volumes));
  return write_counters(changes.counters);
}

Status RowWriter::fill(const Changes& rows) {
  if (!only_rows(rows.inodes) || !only_rows(rows.names) || !only_rows(rows.extents) ||
      !only_rows(rows.xattrs) || !only_rows(rows.volumes) || !only_rows(rows.counters)) {
    return fail(EUCLEAN, "a snapshot holds a deletion");
  }
  TRY_VOID(write_inodes(rows.inodes));
  TRY_VOID(insert_names(rows.names));
  TRY_VOID(insert_extents(rows.extents));
  TRY_VOID(write_xattrs(rows.xattrs));
  TRY_VOID(write_volumes(rows.volumes));
  return write_counters(rows.counters);
}

Status RowWriter::write_inodes(const TableChanges<InodeRow>& changes) {
  ByteWriter packed;
  for (const auto& [id, row] : changes) {
    if (row) {
      packed.buffer().clear();
      write_inode_row(packed, *row);
      TRY_VOID(put_inode_.bind(1, id.value()).bind(2, packed.buffer()).run());
    } else {
      TRY_VOID(remove_inode_.bind(1, id.value()).run());
    }
    Statement& orphan = row && row->links == 0 ? put_orphan_ : remove_orphan_;
    TRY_VOID(orphan.bind(1, id.value()).run());
  }
  return {};
}

Status RowWriter::remove_names(const TableChanges<NameRow>& changes) {
  if (changes.empty()) return {};
  const StatementScope newest(names_.newest);
  const std::uint64_t newest_parent = TRY(names_.newest.step()) ? names_.newest.number(0) : 0;
  for (const auto& [key, row] : changes) {
    // No directory behind this one has names yet; keys rise, so neither have the rest.
    if (key.parent.value() > newest_parent) break;
    const StatementScope find(names_.find);
    if (!TRY(names_.find.bind(1, key.parent.value()).bind(2, key.name).step())) continue;
    const std::uint64_t position = names_.find.number(0);
    names_.find.reset();
    TRY_VOID(names_.remove.bind(1, key.parent.value()).bind(2, key.name).run());
    TRY_VOID(names_.unlist.bind(1, key.parent.value()).bind(2, position).run());
    if (names_.unlist.changes() != 1) return fail(EUCLEAN, describe(key) + " was not in its listing");
  }
  return {};
}

Status RowWriter::insert_names(const TableChanges<NameRow>& changes) {
  for (const auto& [key, row] : changes) {
    if (!row) continue;
    for (Statement* table : {&names_.insert, &names_.list}) {
      table->bind(1, key.parent.value()).bind(2, key.name).bind(3, row->child.value());
      Status put = table->bind(4, row->position).bind(5, row->type).run();
      if (!put.ok()) return with_context(std::move(put).error(), describe(key));
    }
  }
  return {};
}

Status RowWriter::remove_extents(const TableChanges<ExtentRow>& changes) {
  if (changes.empty()) return {};
  const StatementScope newest(extents_.newest);
  const std::uint64_t newest_inode = TRY(extents_.newest.step()) ? extents_.newest.number(0) : 0;
  extents_.newest.reset();
  for (const auto& [key, row] : changes) {
    // As with names: new files have nothing to remove, and most batches are new files.
    if (key.inode.value() > newest_inode) break;
    const StatementScope find(extents_.find);
    if (!TRY(extents_.find.bind(1, key.inode.value()).bind(2, key.offset).step())) continue;
    count(extents_.find.number(0), -1, -static_cast<std::int64_t>(extents_.find.number(1)));
    extents_.find.reset();
    TRY_VOID(extents_.remove.bind(1, key.inode.value()).bind(2, key.offset).run());
  }
  return {};
}

Status RowWriter::insert_extents(const TableChanges<ExtentRow>& changes) {
  for (const auto& [key, row] : changes) {
    if (!row) continue;
    const NeedlePlace& needle = row->needle;
    Statement& insert = extents_.insert;
    insert.bind(1, key.inode.value()).bind(2, key.offset).bind(3, row->length);
    insert.bind(4, needle.at.volume.value()).bind(5, needle.at.generation.value()).bind(6, needle.at.offset);
    // As a signed number a checksum always fits in four bytes; half of them would take six otherwise.
    const auto crc = static_cast<std::int64_t>(static_cast<std::int32_t>(needle.header_crc));
    insert.bind(7, needle.payload_bytes)
        .bind(8, static_cast<std::uint64_t>(crc))
        .bind(9, row->payload_offset);
    TRY_VOID(insert.run());
    count(needle.at.volume.value(), 1, static_cast<std::int64_t>(row->length));
  }
  return {};
}

Status RowWriter::write_xattrs(const TableChanges<XattrRow>& changes) {
  for (const auto& [key, row] : changes) {
    Statement& statement = row ? put_xattr_ : remove_xattr_;
    statement.bind(1, key.inode.value()).bind(2, key.name);
    if (row) statement.bind(3, row->value);
    TRY_VOID(statement.run());
  }
  return {};
}

Status RowWriter::write_volumes(const TableChanges<VolumeRow>& changes) {
  for (const auto& [key, row] : changes) {
    Statement& statement = row ? put_volume_ : remove_volume_;
    statement.bind(1, key.value());
    if (row) {
      statement.bind(2, row->generation.value());
      statement.bind(3, static_cast<std::uint64_t>(row->state)).bind(4, row->last_txn.value());
    }
    TRY_VOID(statement.run());
  }
  return {};
}

Status RowWriter::write_counters(const TableChanges<CounterRow>& changes) {
  for (const auto& [key, row] : changes) {
    Statement& statement = row ? put_counter_ : remove_counter_;
    statement.bind(1, key);
    if (row) statement.bind(2, row->value);
    TRY_VOID(statement.run());
  }
  return {};
}

void RowWriter::count(std::uint64_t volume, std::int64_t extents, std::int64_t bytes) {
  Usage& usage = usage_[volume];
  usage.extents += extents;
  usage.bytes += bytes;
}

Status RowWriter::write_usage() {
  for (const auto& [volume, change] : usage_) {
    const StatementScope find(find_usage_);
    Usage now = change;
    if (TRY(find_usage_.bind(1, volume).step())) {
      now.extents += static_cast<std::int64_t>(find_usage_.number(0));
      now.bytes += static_cast<std::int64_t>(find_usage_.number(1));
    }
    find_usage_.reset();
    if (now.extents < 0 || now.bytes < 0 || (now.extents == 0) != (now.bytes == 0)) {
      return fail(EUCLEAN, "usage of volume " + std::to_string(volume) + " does not add up");
    }
    if (now.extents == 0) {
      TRY_VOID(remove_usage_.bind(1, volume).run());
    } else {
      put_usage_.bind(1, volume).bind(2, static_cast<std::uint64_t>(now.extents));
      TRY_VOID(put_usage_.bind(3, static_cast<std::uint64_t>(now.bytes)).run());
    }
  }
  usage_.clear();
  return {};
}

}  // namespace ciaos::meta
