// What the engine tells about itself, as records. Names of fields are part of the protocol: they are added to, and not changed.
#pragma once

#include <string>

#include "base/result.h"
#include "engine/engine.h"
#include "engine/inspection.h"
#include "rpc/record.h"

namespace ciaos::rpc {

// "store", "space", "log", "caches", "reads", "upkeep" and "health".
Result<Records> state_records(engine::Engine& engine);
Record volume_record(const engine::VolumeInfo& volume);
// The same without what it says of the machine: paths of devices and what stands in messages of errors.
Record without_places(Record record);
Record inode_record(const engine::Attributes& attributes);
Record attribute_record(const std::string& name, const std::string& value);
Record extent_record(const engine::ExtentPlace& place);
Record quota_record(const engine::QuotaState& quota);
Record needle_record(const engine::NeedleState& needle);
Record row_record(InodeId inode, const meta::Extent& extent);

}  // namespace ciaos::rpc
