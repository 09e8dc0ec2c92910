// A device with a listener in front of it: counts calls, makes them fail, holds them up, looks at what they carry.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "store/device.h"

namespace ciaos::test {

// Thread-safe. A hook that fails is the call's answer, and the device below never hears of it; hooks run on the
// calling thread, outside of any lock, and may block.
class InterposedDevice final : public store::Device {
 public:
  struct Hooks {
    std::function<Status(std::uint64_t offset, std::uint64_t bytes)> before_read;
    std::function<Status(std::uint64_t offset, ByteSpan from)> before_write;
    std::function<Status(std::uint64_t offset, std::uint64_t bytes)> before_discard;
    std::function<Status()> before_sync;
    std::function<void()> after_sync;  // one that succeeded
  };

  explicit InterposedDevice(std::shared_ptr<store::Device> below) : below_(std::move(below)) {}

  void set_hooks(Hooks hooks) EXCLUDES(mutex_);
  std::uint64_t reads() const { return reads_; }
  std::uint64_t writes() const { return writes_; }
  std::uint64_t syncs() const { return syncs_; }

  std::uint64_t size() const override { return below_->size(); }
  std::uint32_t alignment() const override { return below_->alignment(); }
  Status read(std::uint64_t offset, MutableByteSpan into) override;
  Status write(std::uint64_t offset, ByteSpan from) override;
  Status sync() override;
  Status discard(std::uint64_t offset, std::uint64_t bytes) override;
  std::string name() const override { return below_->name(); }

 private:
  std::shared_ptr<const Hooks> hooks() const EXCLUDES(mutex_);

  const std::shared_ptr<store::Device> below_;
  mutable Mutex mutex_;
  std::shared_ptr<const Hooks> hooks_ GUARDED_BY(mutex_) = std::make_shared<Hooks>();
  std::atomic<std::uint64_t> reads_ = 0;
  std::atomic<std::uint64_t> writes_ = 0;
  std::atomic<std::uint64_t> syncs_ = 0;
};

}  // namespace ciaos::test
