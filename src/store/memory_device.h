// The backend `mock`: bytes in memory. Grows nothing, fails never, forgets all.
#pragma once

#include <cstdint>
#include <string>

#include "base/mutex.h"
#include "store/device.h"

namespace ciaos::store {

// Thread-safe. The memory is a lazy mapping: bytes that nobody wrote cost nothing, and discard gives pages back.
class MemoryDevice final : public Device {
 public:
  // REQUIRES: bytes > 0.
  explicit MemoryDevice(std::uint64_t bytes);
  ~MemoryDevice() override;
  MemoryDevice(const MemoryDevice&) = delete;
  MemoryDevice& operator=(const MemoryDevice&) = delete;

  std::uint64_t size() const override { return size_; }
  std::uint32_t alignment() const override { return 512; }
  Status read(std::uint64_t offset, MutableByteSpan into) override;
  Status write(std::uint64_t offset, ByteSpan from) override;
  Status sync() override { return {}; }
  // Reads zeros afterwards.
  Status discard(std::uint64_t offset, std::uint64_t bytes) override;
  std::string name() const override { return "memory"; }

 private:
  const std::uint64_t size_;
  SharedMutex mutex_;
  std::byte* const bytes_;  // what it points to is guarded by mutex_
};

}  // namespace ciaos::store
