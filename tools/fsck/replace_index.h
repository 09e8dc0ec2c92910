// A new index in the place of the old one, in one step that anybody could see.
#pragma once

#include <string>

#include "base/log_position.h"
#include "base/result.h"
#include "base/uuid.h"

namespace ciaos::fsck {

// Copies the closed index in `built` to a folder beside `directory`, syncs it, opens it to see that it is the store's and
// holds everything up to `position`, and swaps the two. Until the swap nothing at `directory` has changed; what a run that
// was cut short left beside it is used by nobody and replaced by the next. The old database is removed, other people's
// files in its folder are left beside the new one.
Status replace_index(const std::string& built, const std::string& directory, const Uuid& store,
                     const TxnRef& position);

}  // namespace ciaos::fsck
