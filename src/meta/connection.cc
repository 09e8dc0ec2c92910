#include "meta/connection.h"

#include <sqlite3.h>

#include <cerrno>
#include <utility>

#include "base/assert.h"

namespace ciaos::meta {

namespace {

// Errors without a meaning of their own are EUCLEAN when the database's contents can bring them about: our SQL is
// constant and tested, so "no such table" means that somebody else's file lies there.
int errno_of(int extended, int system_errno) {
  if (extended == SQLITE_IOERR_NOMEM) return ENOMEM;
  if (extended == SQLITE_IOERR_CORRUPTFS || extended == SQLITE_IOERR_SHORT_READ) return EUCLEAN;
  switch (extended & 0xFF) {
    case SQLITE_FULL: return ENOSPC;
    case SQLITE_NOMEM: return ENOMEM;
    case SQLITE_READONLY: return EROFS;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return EBUSY;
    case SQLITE_PERM:
    case SQLITE_AUTH: return EACCES;
    case SQLITE_CANTOPEN: return system_errno != 0 ? system_errno : ENOENT;
    case SQLITE_IOERR: return system_errno == EDQUOT || system_errno == ENOSPC ? ENOSPC : EIO;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
    case SQLITE_SCHEMA:
    case SQLITE_ERROR: return EUCLEAN;
    default: return EIO;
  }
}

Error error_of(sqlite3* handle) {
  return fail(errno_of(sqlite3_extended_errcode(handle), sqlite3_system_errno(handle)),
              std::string("index: ") + sqlite3_errmsg(handle));
}

// A row's columns together; the longest that any table has is an attribute's value.
constexpr int kRowBytesMax = 1 << 20;

// The file may be somebody else's work: a directory store brings its own. What it can do is to be damaged; it runs nothing.
void distrust_contents(sqlite3* handle) {
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  for (const int power :
       {SQLITE_DBCONFIG_TRUSTED_SCHEMA, SQLITE_DBCONFIG_ENABLE_TRIGGER, SQLITE_DBCONFIG_ENABLE_VIEW})
    sqlite3_db_config(handle, power, 0, nullptr);
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, kRowBytesMax);
}

// A file name in the URI that immutable=1 needs.
std::string immutable_uri(const std::string& path) {
  std::string uri = "file:";
  for (const char c : path) {
    switch (c) {
      case '%': uri += "%25"; break;
      case '?': uri += "%3f"; break;
      case '#': uri += "%23"; break;
      default: uri += c;
    }
  }
  return uri + "?immutable=1";
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)), bound_(other.bound_) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  if (this != &other) {
    sqlite3_finalize(statement_);
    statement_ = std::exchange(other.statement_, nullptr);
    bound_ = other.bound_;
  }
  return *this;
}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::bind(int at, std::uint64_t value) {
  const int code = sqlite3_bind_int64(statement_, at, static_cast<sqlite3_int64>(value));
  if (bound_ == SQLITE_OK) bound_ = code;
  return *this;
}

Statement& Statement::bind(int at, ByteSpan bytes) {
  // A null pointer would bind NULL, which is not the empty value.
  const void* data = bytes.empty() ? "" : static_cast<const void*>(bytes.data());
  const int code = sqlite3_bind_blob64(statement_, at, data, bytes.size(), SQLITE_STATIC);
  if (bound_ == SQLITE_OK) bound_ = code;
  return *this;
}

Result<bool> Statement::step() {
  if (bound_ != SQLITE_OK) {
    CIAOS_ASSERT(bound_ == SQLITE_NOMEM);
    reset();
    return fail(ENOMEM, "index: binding a value");
  }
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    reset();
    return false;
  }
  Error error = error_of(sqlite3_db_handle(statement_));
  reset();
  return error;
}

Status Statement::run() {
  const bool row = TRY(step());
  CIAOS_ASSERT(!row);
  return {};
}

int Statement::changes() const { return sqlite3_changes(sqlite3_db_handle(statement_)); }

void Statement::reset() {
  // Gives the error of the last step once more; it was told then.
  sqlite3_reset(statement_);
  bound_ = SQLITE_OK;
}

std::uint64_t Statement::number(int column) const {
  return static_cast<std::uint64_t>(sqlite3_column_int64(statement_, column));
}

ByteSpan Statement::bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  return {static_cast<const std::byte*>(data),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

Result<Connection> Connection::open(const std::string& path, Access access) {
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
  std::string name = path;
  switch (access) {
    case Access::create: flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE; break;
    case Access::write: flags |= SQLITE_OPEN_READWRITE; break;
    case Access::read: flags |= SQLITE_OPEN_READONLY; break;
    case Access::immutable:
      flags |= SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
      name = immutable_uri(path);
      break;
  }
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(name.c_str(), &handle, flags, nullptr);
  if (handle == nullptr) return fail(ENOMEM, "index: opening " + path);
  Connection connection(handle);
  if (code != SQLITE_OK) return with_context(error_of(handle), path);
  distrust_contents(handle);
  TRY_VOID(connection.execute("PRAGMA cell_size_check=ON"));
  return connection;
}

Connection::Connection(Connection&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}

Connection& Connection::operator=(Connection&& other) noexcept {
  if (this != &other) {
    close();
    handle_ = std::exchange(other.handle_, nullptr);
  }
  return *this;
}

Connection::~Connection() { close(); }

void Connection::close() {
  if (handle_ == nullptr) return;
  // Refused only while statements live, which is our mistake.
  CIAOS_ASSERT(sqlite3_close(std::exchange(handle_, nullptr)) == SQLITE_OK);
}

Status Connection::execute(const char* sql) {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return error_of(handle_);
  return {};
}

Result<Statement> Connection::prepare(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK) {
    return error_of(handle_);
  }
  return Statement(statement);
}

Result<std::uint64_t> Connection::number(const char* sql) {
  Statement statement = TRY(prepare(sql));
  return TRY(statement.step()) ? statement.number(0) : 0;
}

Result<std::string> Connection::text(const char* sql) {
  Statement statement = TRY(prepare(sql));
  return TRY(statement.step()) ? std::string(statement.text(0)) : std::string();
}

void Connection::wait_for_locks(int timeout_ms) { sqlite3_busy_timeout(handle_, timeout_ms); }

void Connection::count_wal_pages(std::atomic<std::uint64_t>& pages) {
  const auto count = [](void* counter, sqlite3*, const char*, int now) {
    static_cast<std::atomic<std::uint64_t>*>(counter)->store(static_cast<std::uint64_t>(now));
    return SQLITE_OK;
  };
  sqlite3_wal_hook(handle_, count, &pages);
}

Status Connection::checkpoint_some() {
  const int code = sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  if (code != SQLITE_OK && (code & 0xFF) != SQLITE_BUSY) return error_of(handle_);
  return {};
}

Result<bool> Connection::checkpoint_all() {
  const int code = sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  if (code == SQLITE_OK) return true;
  if ((code & 0xFF) == SQLITE_BUSY) return false;
  return error_of(handle_);
}

}  // namespace ciaos::meta
