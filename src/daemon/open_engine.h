// From paths to a filesystem: devices opened and locked, the log recovered, the index in its place.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/uuid.h"
#include "daemon/options.h"
#include "daemon/store_choice.h"
#include "daemon/temporary_directory.h"
#include "engine/engine.h"
#include "store/volume_set.h"

namespace ciaos::daemon {

// The devices of a store, locked and found to belong together. Nothing was changed yet.
struct OpenedStore {
  TemporaryDirectory index_of_mock;  // outlives the engine, as `scratch` does
  TemporaryDirectory scratch;
  Uuid uuid;
  std::unique_ptr<store::VolumeSet> volumes;
  engine::Options options;  // with the places of index and scratch
};

// Takes the owner locks, so call it in the process that will serve. The errors are those of store::open_store_device and
// VolumeSet::open; EISNAM: something else is where the index belongs.
Result<OpenedStore> open_store(const StoreChoice& store, const MountOptions& options, Clock& clock);

// Recovers, and from then on is the store's writer. Takes `volumes`; everything that it holds outlives the engine, and `clock`
// does. The errors are those of Engine::open.
Result<std::unique_ptr<engine::Engine>> open_engine(OpenedStore& store, Clock& clock);

}  // namespace ciaos::daemon
