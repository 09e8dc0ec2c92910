// Small stores for tests.
#pragma once

#include <memory>
#include <vector>

#include "store/memory_device.h"
#include "store/volume_set.h"

namespace ciaos::test {

inline constexpr std::uint64_t kSmallVolumeBytes = 1u << 20;

inline store::Superblock directory_superblock() {
  store::Superblock s;
  s.counter = 1;
  s.epoch = Epoch(1);
  s.uuid.bytes.fill(0x42);
  s.volume_bytes = kSmallVolumeBytes;
  s.log_start = {make_volume_id(0, 0), Generation(1), 0};
  return s;
}

inline std::uint64_t raw_bytes(std::uint32_t slots) {
  return store::kSlotsBegin + slots * kSmallVolumeBytes + store::kBlockBytes;
}

inline store::Superblock raw_superblock(std::uint32_t slots) {
  store::Superblock s = directory_superblock();
  s.kind = store::StoreKind::raw;
  s.slot_count = slots;
  s.slots_begin = store::kSlotsBegin;
  s.device_bytes = raw_bytes(slots);
  return s;
}

// A raw store of one memory device per entry.
inline std::unique_ptr<store::VolumeSet> raw_store(const std::vector<std::uint32_t>& slots_per_device) {
  std::vector<std::unique_ptr<store::StoreDevice>> devices;
  for (std::uint32_t index = 0; index < slots_per_device.size(); ++index) {
    store::Superblock s = raw_superblock(slots_per_device[index]);
    s.device_index = index;
    s.device_count = static_cast<std::uint32_t>(slots_per_device.size());
    devices.push_back(store::raw_store_device(std::make_shared<store::MemoryDevice>(s.device_bytes)));
    CIAOS_ASSERT(devices.back()->write_superblock(s).ok());
  }
  auto set = store::VolumeSet::open(std::move(devices));
  CIAOS_ASSERT(set.ok());
  return std::move(*set);
}

}  // namespace ciaos::test
