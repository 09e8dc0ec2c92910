// Memory for device reads that come and go: a bound on all of it, and what is given back is handed out again.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <map>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/mutex.h"
#include "store/device.h"

namespace ciaos::store {

// Thread-safe; its mutex is a leaf.
class ReadMemory {
 public:
  explicit ReadMemory(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // At least so many bytes, not zeroed; nothing if that were more than all may have.
  std::optional<IoBuffer> take(std::size_t bytes) EXCLUDES(mutex_) {
    const std::size_t rounded = class_of(bytes);
    {
      MutexLock lock(mutex_);
      std::vector<IoBuffer>& kept = kept_[rounded];
      if (!kept.empty()) {
        IoBuffer buffer = std::move(kept.back());
        kept.pop_back();
        kept_bytes_ -= rounded;
        return buffer;
      }
      if (bytes_ + rounded > bytes_max_) drop_kept();
      if (bytes_ + rounded > bytes_max_) return std::nullopt;
      bytes_ += rounded;
    }
    return IoBuffer(rounded);
  }

  void give(IoBuffer buffer) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (kept_bytes_ + buffer.size() > bytes_max_ / 4) {
      bytes_ -= buffer.size();
      return;
    }
    kept_bytes_ += buffer.size();
    kept_[buffer.size()].push_back(std::move(buffer));
  }

  // Handed out or kept.
  std::size_t bytes() const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return bytes_;
  }
  void drop() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    drop_kept();
  }

 private:
  static constexpr std::size_t kSmallest = 8u << 10;
  static constexpr std::size_t kStep = 64u << 10;

  static std::size_t class_of(std::size_t bytes) {
    return bytes <= kStep ? std::bit_ceil(std::max(bytes, kSmallest)) : align_up(bytes, kStep);
  }
  void drop_kept() REQUIRES(mutex_) {
    kept_.clear();
    bytes_ -= std::exchange(kept_bytes_, 0);
  }

  const std::size_t bytes_max_;
  mutable Mutex mutex_;
  std::map<std::size_t, std::vector<IoBuffer>> kept_ GUARDED_BY(mutex_);  // by their length
  std::size_t bytes_ GUARDED_BY(mutex_) = 0;
  std::size_t kept_bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace ciaos::store
