// Edits rows until a look finds nothing more to do.
#pragma once

#include <cstdint>
#include <vector>

#include "tools/fsck/check.h"

namespace ciaos::fsck {

struct RowRounds {
  meta::Changes changes;  // what they come to
  std::uint64_t corrected = 0;
};
// `found` in check.rows. The edits are applied to check.index as well, which then shows rows that no log holds: its
// position means nothing any more. Each answer is said through the report.
Result<RowRounds> edit_rows(Check& check, const Answers& answers, std::vector<Finding> found);

}  // namespace ciaos::fsck
