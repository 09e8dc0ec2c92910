// A store on a device in memory, and the engine on it: opened, closed, killed, damaged and opened again.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/uuid.h"
#include "engine/engine.h"
#include "store/device.h"
#include "store/superblock.h"
#include "support/interposed_device.h"
#include "support/manual_clock.h"
#include "support/temporary_directory.h"

namespace ciaos::test {

// Small, so that runs cross volumes: the least that mkfs takes, and a device that holds this many of them.
struct StoreShape {
  std::uint64_t volume_bytes = 1u << 20;
  std::uint32_t volumes = 32;
  Uuid uuid = {{0xC1, 0xA0, 5}};  // the same each time, so that runs repeat
  store::StoreKind kind = store::StoreKind::raw;
  std::uint64_t device_bytes() const;
};

// What mkfs does, on a device of shape.device_bytes().
void format_device(const std::shared_ptr<store::Device>& device, const StoreShape& shape);

// The files of an index, by name.
using IndexCopy = std::map<std::string, std::string>;

// Failures of what a test takes for granted are reported where they happen. Not thread-safe; its engine is.
class TestStore {
 public:
  // Formatted, on a MemoryDevice; not open.
  explicit TestStore(const StoreShape& shape = {});
  // What is on `device`; not open. The clock may be that of the store before it.
  explicit TestStore(std::shared_ptr<store::Device> device,
                     std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>(),
                     store::StoreKind kind = store::StoreKind::raw);
  // As a power cut would.
  ~TestStore();

  engine::Options options;  // for the next open(); nothing in the background unless a test wants it
  const std::shared_ptr<ManualClock> clock;

  Status try_open();
  void open();
  Status close();
  void reopen();
  // The process dies: nothing is committed. What the devices hold stays.
  void kill() { engine_.reset(); }
  bool is_open() const { return engine_ != nullptr; }
  engine::Engine& engine();
  engine::Engine* operator->() { return &engine(); }

  InterposedDevice& device() { return *device_; }
  std::shared_ptr<InterposedDevice> shared_device() { return device_; }
  // All bytes of the device.
  ByteVector device_bytes();

  IndexCopy copy_index() const;
  // Replaces whatever is there; an empty copy deletes it. REQUIRES: not open.
  void put_index(const IndexCopy& copy);

 private:
  const store::StoreKind kind_;
  std::shared_ptr<InterposedDevice> device_;
  TemporaryDirectory directory_;
  std::unique_ptr<engine::Engine> engine_;
};

}  // namespace ciaos::test
