// The database's files: opening them in their modes, who they belong to, making them durable. Private to meta.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/uuid.h"
#include "meta/connection.h"
#include "meta/index.h"

namespace ciaos::meta {

// The connection that owns the database in `directory`, ready for use; for read_only one that writes nothing there.
// Rows of a load that was cut short are gone afterwards. Errors as for Index::open().
Result<Connection> open_database(const std::string& directory, const Uuid& store, Index::Mode mode);
// A further connection to a database that is open.
Result<Connection> open_reader(const std::string& directory, Index::Mode mode);
Result<Connection> open_checkpointer(const std::string& directory);

Status remove_database(const std::string& directory);
// What was committed survives a power cut, wherever it lies.
Status sync_wal(const std::string& directory);
Status sync_directory(const std::string& directory);
// 0 without one.
Result<std::uint64_t> wal_file_bytes(const std::string& directory);

}  // namespace ciaos::meta
