// The store's own index, which is believed only as far as the log confirms it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "tools/fsck/check.h"

namespace ciaos::fsck {

struct OwnIndex {
  std::unique_ptr<meta::Index> index;
  TxnRef applied;         // in this log
  bool writable = false;  // a copy in scratch
  std::string directory;  // where it was opened
};

enum class OwnIndexAccess { in_place, copy };

// Opens it without writing to it: in place, or as a copy in scratch where it is not readable in place (its WAL wants
// recovery) or a writable one is wanted. A finding says why there is nothing to use.
struct OwnIndexOpened {
  std::optional<OwnIndex> own;
  std::optional<Finding> finding;
};
Result<OwnIndexOpened> open_own_index(Check& check, OwnIndexAccess access);

}  // namespace ciaos::fsck
