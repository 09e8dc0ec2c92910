// What a yes does to the rows, problem by problem.
#pragma once

#include <vector>

#include "tools/fsck/check.h"
#include "tools/fsck/row_edits.h"

namespace ciaos::fsck {

// Edits that put `findings` right, which were all found in check.rows and have one remedy. Where a second look shows that
// nothing can be done (a device refuses to say which bytes are newer, a file needs the volume), nothing is edited.
Status repair_rows(Check& check, const std::vector<Finding>& findings, RowEdits& edits);

}  // namespace ciaos::fsck
