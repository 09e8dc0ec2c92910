#include "meta/database.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include "base/unique_fd.h"
#include "meta/schema.h"

namespace ciaos::meta {

namespace {

// Settings were chosen with a million files in one directory, each an inode, a name and an extent, applied in batches of
// 20,000; microseconds of processor time are for a lookup of all three at random, readers' caches cold.
//
//   page         apply, names in order   apply, names at random   bytes a file   lookup
//   4096         200,000 files/s         113,000 files/s          170 to 177     15.2 us
//   8192         205,000 files/s         134,000 files/s          169 to 176     17.6 us
//   16384        206,000 files/s         143,000 files/s          169 to 175     20.5 us
//
// Applying waits for nobody and keeps up by far; lookups are waited for, and names at random write the WAL a page each.
constexpr int kPageBytes = 4096;
// The writer gains nothing from more (16 MiB: 116,000, 256 MiB: 121,000 files/s at random), but a large batch that fits
// is not spilled into the WAL half done. A reader's cache counts for each of a pool; 64 MiB would save 2.7 us of 15.
// Mapped memory (mmap_size) saves 3 us too and is refused: a failing disk would then kill the process with SIGBUS where
// a read gives EIO.
constexpr int kWriterCacheKiB = 64 * 1024;
constexpr int kReaderCacheKiB = 8 * 1024;
// Readers meet locks only while another connection recovers the WAL or empties it.
constexpr int kReaderWaitMs = 10'000;
// How long a checkpoint holds the writer up for the sake of an empty WAL.
constexpr int kTruncateWaitMs = 250;

std::string database_of(const std::string& directory) { return directory + "/index.sqlite"; }
std::string wal_of(const std::string& directory) { return database_of(directory) + "-wal"; }
std::string journal_of(const std::string& directory) { return database_of(directory) + "-journal"; }

// nullopt: there is none.
Result<std::optional<std::uint64_t>> size_of(const std::string& path) {
  struct stat attributes {};
  if (::stat(path.c_str(), &attributes) == 0)
    return std::optional(static_cast<std::uint64_t>(attributes.st_size));
  if (errno == ENOENT) return std::optional<std::uint64_t>();
  return fail(errno, path);
}

// Never for the database itself: closing a descriptor of it would drop the locks that SQLite holds on it.
Status sync_path(const std::string& path, int flags) {
  const UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) return fail(errno, path);
  return {};
}

Status set_cache(Connection& connection, int kib) {
  return connection.execute(("PRAGMA cache_size=-" + std::to_string(kib)).c_str());
}

// The schema's version if the index is this store's; 0 for a database whose creation did not get as far as its owner.
Result<int> version_for(Connection& connection, const Uuid& store) {
  const int version = TRY(schema_version(connection));
  if (version == 0) return 0;
  if (version < 0 || version > schema_steps().back().version) {
    return fail(ENOTSUP, "index of schema version " + std::to_string(version));
  }
  Statement query = TRY(connection.prepare("SELECT value FROM meta WHERE key='store'"));
  if (!TRY(query.step())) return 0;
  const ByteSpan owner = query.bytes(0);
  if (owner.size() != store.bytes.size() ||
      std::memcmp(owner.data(), store.bytes.data(), owner.size()) != 0) {
    return fail(ESTALE, "index of another store");
  }
  return version;
}

Status prepare_database(Connection& connection, const Uuid& store, int version) {
  // The size of pages is settled by the first one; for a database that exists this says nothing.
  TRY_VOID(connection.execute(("PRAGMA page_size=" + std::to_string(kPageBytes)).c_str()));
  const std::string journal = TRY(connection.text("PRAGMA journal_mode=WAL"));
  if (journal != "wal") return fail(ENOTSUP, "the index's filesystem cannot hold a write-ahead log");
  TRY_VOID(
      connection.execute("PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=0;"
                         "PRAGMA secure_delete=OFF; PRAGMA temp_store=MEMORY"));
  TRY_VOID(set_cache(connection, kWriterCacheKiB));
  if (version == schema_steps().back().version) return {};
  TRY_VOID(migrate(connection, schema_steps()));
  Statement own = TRY(connection.prepare("INSERT OR IGNORE INTO meta VALUES('store',?)"));
  return own.bind(1, ByteSpan(std::as_bytes(std::span(store.bytes)))).run();
}

// Rows, but no position up to which they are applied.
Result<bool> load_was_cut_short(Connection& connection) {
  const std::uint64_t found = TRY(connection.number(
      "SELECT NOT EXISTS(SELECT 1 FROM meta WHERE key='applied') AND (EXISTS(SELECT 1 FROM inodes)"
      " OR EXISTS(SELECT 1 FROM names) OR EXISTS(SELECT 1 FROM extents) OR EXISTS(SELECT 1 FROM xattrs)"
      " OR EXISTS(SELECT 1 FROM volumes) OR EXISTS(SELECT 1 FROM counters))"));
  return found != 0;
}

Result<Connection> open_writing(const std::string& directory, const Uuid& store, bool create) {
  const auto access = create ? Connection::Access::create : Connection::Access::write;
  Connection connection = TRY(Connection::open(database_of(directory), access));
  connection.wait_for_locks(kReaderWaitMs);
  // Before the first write: what is somebody else's stays as it is.
  const int version = TRY(version_for(connection, store));
  if (version == 0 && !create) return fail(ENOENT, "no index was made in " + directory);
  TRY_VOID(prepare_database(connection, store, version));
  return connection;
}

Result<Connection> open_reading(const std::string& directory, const Uuid& store) {
  // An immutable database is read without locks and without its WAL, which therefore has to be empty.
  for (const std::string& path : {wal_of(directory), journal_of(directory)}) {
    if (TRY(size_of(path)).value_or(0) != 0)
      return fail(EAGAIN, "index has a log that only a writer may apply");
  }
  Connection connection = TRY(Connection::open(database_of(directory), Connection::Access::immutable));
  const int version = TRY(version_for(connection, store));
  if (version == 0) return fail(ENOENT, "no index was made in " + directory);
  if (version < schema_steps().back().version) return fail(EAGAIN, "index of an older schema");
  return connection;
}

}  // namespace

std::string Index::database_file(const std::string& directory) { return database_of(directory); }

Result<Connection> open_database(const std::string& directory, const Uuid& store, Index::Mode mode) {
  const bool create = mode == Index::Mode::open_or_create;
  if (!create && !TRY(size_of(database_of(directory)))) return fail(ENOENT, database_of(directory));
  if (mode == Index::Mode::read_only) return open_reading(directory, store);
  if (create) {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error) return fail(error.value(), directory);
  }
  {
    Connection connection = TRY(open_writing(directory, store, create));
    if (!TRY(load_was_cut_short(connection))) return connection;
  }
  TRY_VOID(remove_database(directory));
  return open_writing(directory, store, true);
}

Result<Connection> open_reader(const std::string& directory, Index::Mode mode) {
  const bool immutable = mode == Index::Mode::read_only;
  Connection connection = TRY(Connection::open(
      database_of(directory), immutable ? Connection::Access::immutable : Connection::Access::read));
  connection.wait_for_locks(kReaderWaitMs);
  TRY_VOID(set_cache(connection, kReaderCacheKiB));
  return connection;
}

Result<Connection> open_checkpointer(const std::string& directory) {
  Connection connection = TRY(Connection::open(database_of(directory), Connection::Access::write));
  connection.wait_for_locks(kTruncateWaitMs);
  TRY_VOID(connection.execute("PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0"));
  return connection;
}

Status remove_database(const std::string& directory) {
  // The database last: a WAL that outlived it would be taken for the next one's.
  for (const char* suffix : {"-wal", "-shm", "-journal", ""}) {
    const std::string path = database_of(directory) + suffix;
    if (::unlink(path.c_str()) != 0 && errno != ENOENT && errno != ENOTDIR) return fail(errno, path);
  }
  return {};
}

Status sync_wal(const std::string& directory) { return sync_path(wal_of(directory), O_RDONLY); }

Status sync_directory(const std::string& directory) { return sync_path(directory, O_RDONLY | O_DIRECTORY); }

Result<std::uint64_t> wal_file_bytes(const std::string& directory) {
  return TRY(size_of(wal_of(directory))).value_or(0);
}

}  // namespace ciaos::meta
