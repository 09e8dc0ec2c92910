// The index's tables, and how a database of an older schema becomes one of this. Private to meta.
#pragma once

#include <span>

#include "base/result.h"
#include "meta/connection.h"

namespace ciaos::meta {

// Brings a database from `version - 1` to `version`; step 1 starts from an empty one.
struct SchemaStep {
  int version;
  const char* sql;
};
std::span<const SchemaStep> schema_steps();

// PRAGMA user_version of a database that is ours; 0 for one without any table. EUCLEAN: not ours.
Result<int> schema_version(Connection& connection);
// Runs the steps above the database's version, each with its number in one transaction. ENOTSUP for a database that is
// ahead of the last step.
Status migrate(Connection& connection, std::span<const SchemaStep> steps);

}  // namespace ciaos::meta
