// Entries of a bulk load as they travel: packed into the memory of a question "load", behind the bytes of their files.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "engine/tree_load.h"
#include "rpc/control.h"

namespace ciaos::rpc {

inline constexpr std::size_t kLoadEntriesMax = 8192;         // of one batch
inline constexpr std::size_t kLoadBatchBytesMax = 8u << 20;  // of entries, without bytes of files

std::string pack_load(const std::vector<engine::LoadEntry>& entries);
// EPROTO for anything else. Reads no further than `bytes` whatever they hold.
Result<std::vector<engine::LoadEntry>> parse_load(ByteSpan bytes);

// The answer to "load". Arguments: `entries_at` and `entries_bytes`, where the batch lies in the memory; none: everything
// that was loaded becomes durable. A record "failure" (index, errno, text) for each entry that could not be loaded, as many
// as an answer holds; `next`: of how many that is true. ENOSPC, EDQUOT, EROFS, EIO: there is no use in going on.
Result<Answer> load_tree(engine::Engine& engine, InodeId directory, const Record& arguments, int memory);

}  // namespace ciaos::rpc
