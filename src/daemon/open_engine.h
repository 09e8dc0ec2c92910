// From paths to a filesystem: devices opened and locked, the log recovered, the index in its place.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/uuid.h"
#include "daemon/options.h"
#include "daemon/store_choice.h"
#include "engine/engine.h"

namespace ciaos::daemon {

// A folder for an index that nobody will ask for again; removed with everything in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory() = default;
  static Result<TemporaryDirectory> make();
  TemporaryDirectory(TemporaryDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryDirectory& operator=(TemporaryDirectory&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
  }
  ~TemporaryDirectory();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct OpenedEngine {
  TemporaryDirectory index_of_mock;  // outlives the engine
  Uuid uuid;
  std::unique_ptr<engine::Engine> engine;
};

// `clock` outlives the engine. Takes the owner locks, so call it in the process that will serve. The errors are those of
// store::open_store_device, VolumeSet::open and Engine::open.
Result<OpenedEngine> open_engine(const StoreChoice& store, const MountOptions& options, Clock& clock);

}  // namespace ciaos::daemon
