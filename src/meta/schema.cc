#include "meta/schema.h"

#include <string>

namespace ciaos::meta {

namespace {

constexpr std::uint64_t kApplicationId = 0x4369'4F73;  // "CiOs"

// Every byte here is paid once per file, so:
// - Names are kept twice, in the order of names for lookup and in that of positions for listing, each row whole: either
//   answers from one place. An index on a hash of the name would be smaller by a few bytes but scatters the names of
//   one directory, which are mostly made in their own order, over all of its pages (database.cc has the figures for both).
// - `extents` has columns only for what SQL compares or sums; needles are searched through (volume, needle).
// - An inode's row is packed: nobody asks for inodes by their fields, except for those without links, and these few
//   have a table of their own.
// - Names and attribute names are blobs: bytes, compared as bytes.
// `usage` and `orphans` repeat what other tables say and are kept by RowWriter alone.
constexpr const char* kFirstSchema = R"(
CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE inodes(id INTEGER PRIMARY KEY, row BLOB NOT NULL);
CREATE TABLE orphans(id INTEGER PRIMARY KEY);
CREATE TABLE names(parent INT NOT NULL, name BLOB NOT NULL, child INT NOT NULL, position INT NOT NULL,
                   type INT NOT NULL, PRIMARY KEY(parent, name)) WITHOUT ROWID;
CREATE TABLE listing(parent INT NOT NULL, position INT NOT NULL, child INT NOT NULL, type INT NOT NULL,
                     name BLOB NOT NULL, PRIMARY KEY(parent, position)) WITHOUT ROWID;
CREATE TABLE extents(inode INT NOT NULL, offset INT NOT NULL, length INT NOT NULL, volume INT NOT NULL,
                     generation INT NOT NULL, needle INT NOT NULL, payload INT NOT NULL, crc INT NOT NULL,
                     payload_offset INT NOT NULL, PRIMARY KEY(inode, offset)) WITHOUT ROWID;
CREATE INDEX extents_by_needle ON extents(volume, needle);
CREATE TABLE xattrs(inode INT NOT NULL, name BLOB NOT NULL, value BLOB NOT NULL,
                    PRIMARY KEY(inode, name)) WITHOUT ROWID;
CREATE TABLE volumes(id INTEGER PRIMARY KEY, generation INT NOT NULL, state INT NOT NULL, last_txn INT NOT NULL);
CREATE TABLE usage(volume INTEGER PRIMARY KEY, extents INT NOT NULL, bytes INT NOT NULL);
CREATE TABLE counters(id INTEGER PRIMARY KEY, value INT NOT NULL);
)";

// Rows of `extents` may be reservations, of which older programs know nothing. `usage` counts them under kNoVolume.
constexpr const char* kReservations = "SELECT 1";

// The packed rows of `inodes` may name a quota tree.
constexpr const char* kQuotaTrees = "SELECT 1";

constexpr SchemaStep kSteps[] = {{1, kFirstSchema}, {2, kReservations}, {3, kQuotaTrees}};

}  // namespace

std::span<const SchemaStep> schema_steps() { return kSteps; }

Result<int> schema_version(Connection& connection) {
  const std::uint64_t application = TRY(connection.number("PRAGMA application_id"));
  const std::uint64_t version = TRY(connection.number("PRAGMA user_version"));
  if (application == kApplicationId && version != 0) return static_cast<int>(version);
  const std::uint64_t tables = TRY(connection.number("SELECT count(*) FROM sqlite_schema"));
  if (application != 0 || version != 0 || tables != 0)
    return fail(EUCLEAN, "this database is no index of a store");
  return 0;
}

Status migrate(Connection& connection, std::span<const SchemaStep> steps) {
  const int version = TRY(schema_version(connection));
  if (version < 0 || version > steps.back().version) {
    return fail(ENOTSUP, "index of schema version " + std::to_string(version));
  }
  for (const SchemaStep& step : steps) {
    if (step.version <= version) continue;
    const std::string sql = "BEGIN IMMEDIATE;" + std::string(step.sql) +
                            ";PRAGMA application_id=" + std::to_string(kApplicationId) +
                            ";PRAGMA user_version=" + std::to_string(step.version) + ";COMMIT";
    Status done = connection.execute(sql.c_str());
    if (!done.ok()) {
      // What matters is the first error; without a transaction the rollback is an error of its own.
      (void)connection.execute("ROLLBACK");
      return with_context(std::move(done).error(), "migrating to schema " + std::to_string(step.version));
    }
  }
  return {};
}

}  // namespace ciaos::meta
