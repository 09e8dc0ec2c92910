// Formats a store: the part of mkfs.ciaos that writes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/uuid.h"
#include "store/volume_set.h"

namespace ciaos::store {

struct FormatOptions {
  Uuid uuid;
  std::string label;
  std::string index_path;
  std::uint64_t volume_bytes = 0;  // 0: chosen by default_volume_bytes()
  std::int64_t created_seconds = 0;
};

// EINVAL: no power of two, or out of bounds.
Status check_volume_bytes(std::uint64_t bytes);

// EEXIST if `device` is raw and holds a store of this name: a second one could take over needles that the first one left,
// since their checksums and the digest of the first batch are the same. A directory's old volumes are removed instead.
Status check_new_name(StoreDevice& device, const Uuid& uuid);

// For a device of this size (raw), or for a directory (0): between 4 MiB and 1 GiB, at least 16 slots where possible.
std::uint64_t default_volume_bytes(std::uint64_t device_bytes);

// What format_store() would write; also what mkfs prints. EINVAL: volume_bytes out of bounds or no power-of-two multiple of
// the block; ENOSPC: the device holds fewer than 8 slots.
Result<std::vector<Superblock>> plan_format(std::vector<std::unique_ptr<StoreDevice>>& devices,
                                            const std::vector<std::uint64_t>& raw_device_bytes,
                                            const FormatOptions& options);

// Wipes and syncs old superblock copies, creates volume 0 on the first device, appends the first batch (sequence 1, epoch 1,
// not opening) with `records`, syncs it, and writes the new superblocks last. After a crash in the middle nothing looks
// like a store. Deterministic in its arguments.
Status format_store(std::vector<std::unique_ptr<StoreDevice>>& devices, const std::vector<Superblock>& plan,
                    ByteSpan records);

}  // namespace ciaos::store
