// Which keys can be paths, and their parts. Pure.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/object_types.h"

namespace ciaos::engine {

struct KeyParts {
  std::vector<std::string_view> directories;  // the bucket first
  std::string_view name;                      // of the last component; empty for a bucket
  bool directory = false;                     // the key ends in "/", or is empty
};

// EINVAL: an empty, "." or ".." component, or a NUL; ENAMETOOLONG: a component beyond 255 bytes, a key beyond 1024. What is
// returned points into `path`.
Result<KeyParts> split_key(const ObjectPath& path);
// A directory in the root that may be one: EINVAL for what begins with ".ciaos" and what is no name.
Status check_bucket(std::string_view bucket);

// ECANCELED or EEXIST unless `condition` holds for `info`; null: there is no object.
Status check_condition(const ObjectCondition& condition, const ObjectInfo* info);

}  // namespace ciaos::engine
