// A connection to SQLite and its prepared statements, with errors in our words. Private to meta; connection.cc is the
// only file that sees sqlite3.h.
//
// Connections are opened without SQLite's own mutex: each belongs to one thread at a time. Statements go before their
// connection.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace ciaos::meta {

// A prepared statement. Bound bytes are not copied: they must live until the statement is reset.
class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  Statement& bind(int at, std::uint64_t value);
  Statement& bind(int at, ByteSpan bytes);
  Statement& bind(int at, std::string_view bytes) { return bind(at, as_bytes(bytes)); }

  // True: a row stands in the columns. After false or an error the statement is reset.
  Result<bool> step();
  // Steps a statement that gives no rows to its end.
  Status run();
  // Rows changed by the last run().
  int changes() const;
  void reset();

  std::uint64_t number(int column) const;
  ByteSpan bytes(int column) const;  // until the next step or reset
  std::string_view text(int column) const { return as_text(bytes(column)); }

 private:
  sqlite3_stmt* statement_ = nullptr;
  int bound_ = 0;  // the first error of a bind, told by step()
};

// Resets a statement at the end of a scope: an open one would hold its read transaction.
class StatementScope {
 public:
  explicit StatementScope(Statement& statement) : statement_(statement) {}
  ~StatementScope() { statement_.reset(); }
  StatementScope(const StatementScope&) = delete;
  StatementScope& operator=(const StatementScope&) = delete;

 private:
  Statement& statement_;
};

class Connection {
 public:
  enum class Access { create, write, read, immutable };

  static Result<Connection> open(const std::string& path, Access access);
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;
  ~Connection();

  Status execute(const char* sql);
  Result<Statement> prepare(const char* sql);
  // The first column of the first row; 0 when there is none.
  Result<std::uint64_t> number(const char* sql);
  Result<std::string> text(const char* sql);

  void wait_for_locks(int timeout_ms);
  // Each commit stores the number of pages then in the WAL. Replaces SQLite's automatic checkpoints. `pages` outlives
  // the connection.
  void count_wal_pages(std::atomic<std::uint64_t>& pages);
  // As much as goes without waiting for anyone.
  Status checkpoint_some();
  // All of it, and an empty WAL. False when readers held it back for longer than wait_for_locks().
  Result<bool> checkpoint_all();

 private:
  explicit Connection(sqlite3* handle) : handle_(handle) {}
  void close();
  sqlite3* handle_ = nullptr;
};

}  // namespace ciaos::meta
