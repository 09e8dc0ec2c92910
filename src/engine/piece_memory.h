// Memory for written bytes that are no needle yet. Large blocks that are given back are kept for whoever writes next: the first
// touch of fresh pages costs more than all copying of what is written to them.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/mutex.h"

namespace ciaos::engine {

// Thread-safe; its mutex is a leaf.
class PieceMemory {
 public:
  struct Block {
    std::unique_ptr<std::byte[]> data;
    std::size_t bytes = 0;
  };

  explicit PieceMemory(std::size_t kept_bytes_max) : kept_bytes_max_(kept_bytes_max) {}
  // At least `bytes`; what is in it is unspecified.
  Block take(std::size_t bytes) EXCLUDES(mutex_);
  void give(Block block) EXCLUDES(mutex_);
  std::size_t kept_bytes() const EXCLUDES(mutex_);

 private:
  // Blocks of 64 KiB << i. Smaller ones are the allocator's business, and larger ones nobody needs.
  static constexpr std::size_t kClasses = 5;

  const std::size_t kept_bytes_max_;
  mutable Mutex mutex_;
  std::array<std::vector<Block>, kClasses> kept_ GUARDED_BY(mutex_);
  std::size_t kept_bytes_ GUARDED_BY(mutex_) = 0;
};

// Bytes that grow at their end. The memory outlives them.
class PieceBytes {
 public:
  PieceBytes(PieceMemory& memory, ByteSpan bytes) : memory_(&memory) { append(bytes); }
  PieceBytes(PieceBytes&& other) noexcept
      : memory_(other.memory_), block_(std::move(other.block_)), size_(std::exchange(other.size_, 0)) {}
  PieceBytes& operator=(PieceBytes&&) = delete;
  ~PieceBytes() {
    if (block_.data != nullptr) memory_->give(std::move(block_));
  }

  void append(ByteSpan bytes);
  std::size_t size() const { return size_; }
  PieceMemory& memory() const { return *memory_; }
  ByteSpan span() const { return {block_.data.get(), size_}; }
  MutableByteSpan span() { return {block_.data.get(), size_}; }

 private:
  PieceMemory* memory_;
  PieceMemory::Block block_;
  std::size_t size_ = 0;
};

}  // namespace ciaos::engine
