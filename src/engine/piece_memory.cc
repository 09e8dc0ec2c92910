#include "engine/piece_memory.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace ciaos::engine {
namespace {

constexpr std::size_t kSmallestKeptBytes = 64u << 10;

std::size_t class_of(std::size_t bytes) {
  return static_cast<std::size_t>(std::countr_zero(bytes / kSmallestKeptBytes));
}

}  // namespace

PieceMemory::Block PieceMemory::take(std::size_t bytes) {
  if (bytes < kSmallestKeptBytes) return {std::make_unique_for_overwrite<std::byte[]>(bytes), bytes};
  const std::size_t rounded = std::bit_ceil(bytes);
  if (class_of(rounded) < kClasses) {
    MutexLock lock(mutex_);
    std::vector<Block>& kept = kept_[class_of(rounded)];
    if (!kept.empty()) {
      Block block = std::move(kept.back());
      kept.pop_back();
      kept_bytes_ -= block.bytes;
      return block;
    }
  }
  return {std::make_unique_for_overwrite<std::byte[]>(rounded), rounded};
}

void PieceMemory::give(Block block) {
  if (block.bytes < kSmallestKeptBytes || class_of(block.bytes) >= kClasses) return;
  MutexLock lock(mutex_);
  if (kept_bytes_ + block.bytes > kept_bytes_max_) return;
  kept_bytes_ += block.bytes;
  kept_[class_of(block.bytes)].push_back(std::move(block));
}

std::size_t PieceMemory::kept_bytes() const {
  MutexLock lock(mutex_);
  return kept_bytes_;
}

void PieceBytes::append(ByteSpan bytes) {
  if (size_ + bytes.size() > block_.bytes) {
    // Many small appends copy each byte twice at most.
    PieceMemory::Block larger = memory_->take(std::max(size_ + bytes.size(), 2 * block_.bytes));
    if (size_ > 0) std::memcpy(larger.data.get(), block_.data.get(), size_);
    std::swap(block_, larger);
    if (larger.data != nullptr) memory_->give(std::move(larger));
  }
  std::memcpy(block_.data.get() + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
}

}  // namespace ciaos::engine
