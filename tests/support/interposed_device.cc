#include "support/interposed_device.h"

#include <utility>

namespace ciaos::test {

void InterposedDevice::set_hooks(Hooks hooks) {
  auto fresh = std::make_shared<const Hooks>(std::move(hooks));
  MutexLock lock(mutex_);
  hooks_ = std::move(fresh);
}

std::shared_ptr<const InterposedDevice::Hooks> InterposedDevice::hooks() const {
  MutexLock lock(mutex_);
  return hooks_;
}

Status InterposedDevice::read(std::uint64_t offset, MutableByteSpan into) {
  ++reads_;
  if (const auto now = hooks(); now->before_read) TRY_VOID(now->before_read(offset, into.size()));
  return below_->read(offset, into);
}

Status InterposedDevice::write(std::uint64_t offset, ByteSpan from) {
  ++writes_;
  if (const auto now = hooks(); now->before_write) TRY_VOID(now->before_write(offset, from));
  return below_->write(offset, from);
}

Status InterposedDevice::discard(std::uint64_t offset, std::uint64_t bytes) {
  if (const auto now = hooks(); now->before_discard) TRY_VOID(now->before_discard(offset, bytes));
  return below_->discard(offset, bytes);
}

Status InterposedDevice::sync() {
  ++syncs_;
  const auto now = hooks();
  if (now->before_sync) TRY_VOID(now->before_sync());
  TRY_VOID(below_->sync());
  if (now->after_sync) now->after_sync();
  return {};
}

}  // namespace ciaos::test
