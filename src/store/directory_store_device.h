// A directory as a store device. Private to opening; see volume_set.h for the public ways.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "store/volume_set.h"

namespace ciaos::store {

// ENODATA: the directory holds no superblock file.
Result<std::unique_ptr<StoreDevice>> open_directory_store(const std::string& path, OpenAccess access,
                                                          std::uint64_t wait_ms);
// Makes what is missing of the directory, durably. An existing superblock file is left as it is.
Result<std::unique_ptr<StoreDevice>> create_directory_store(const std::string& path, std::uint64_t wait_ms);

}  // namespace ciaos::store
