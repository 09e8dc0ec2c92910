// Makes a store: looks at everything, plans, refuses; and only then writes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/uuid.h"
#include "store/mkfs.h"
#include "tools/mkfs/target.h"

namespace ciaos::mkfs {

struct MakeOptions {
  std::vector<std::string> stores;
  std::string label;
  Uuid uuid;
  std::uint64_t volume_bytes = 0;  // 0: chosen by the size of the device
  std::string index_path;          // empty: the default place
  std::int64_t created_seconds = 0;
  std::uint32_t uid = 0;  // owner of the root directory
  std::uint32_t gid = 0;
  bool force = false;
};

struct Plan {
  std::vector<Target> targets;
  std::vector<store::Superblock> superblocks;
  std::string index_path;          // where the index will be
  bool index_in_place = false;     // another store's, or an older one's, is there
  std::vector<std::string> notes;  // worth saying once
};

// Writes nothing. An error says what speaks against it: EEXIST for what -f would override, EBUSY for what it would not.
Result<Plan> plan_store(const MakeOptions& options);
// REQUIRES: `plan` of the same options. On return the store is durable.
Status make_store(const MakeOptions& options, const Plan& plan);

// As mkfs.xfs shows it: "part    =name   key=value, key=value".
std::string geometry_text(const Plan& plan);

}  // namespace ciaos::mkfs
