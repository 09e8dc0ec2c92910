#include "store/chunk_queue.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"

namespace ciaos::store {

IoBuffer BufferPool::take(std::size_t bytes) {
  {
    MutexLock lock(mutex_);
    if (bytes <= buffer_bytes_ && !buffers_.empty()) {
      IoBuffer buffer = std::move(buffers_.back());
      buffers_.pop_back();
      return buffer;
    }
  }
  return IoBuffer(std::max(bytes, buffer_bytes_));
}

void BufferPool::give(IoBuffer buffer) {
  MutexLock lock(mutex_);
  if (buffer.size() == buffer_bytes_ && buffers_.size() < buffers_max_) buffers_.push_back(std::move(buffer));
}

ChunkQueue::Slot ChunkQueue::reserve(const VolumeStart& volume, std::uint64_t begin, std::uint64_t end) {
  CIAOS_ASSERT(begin % kNeedleAlignment == 0 && begin < end);
  if (open_ != nullptr && end > open_->begin + open_->buffer.size()) {
    const std::shared_ptr<Chunk> full = open_;
    seal(align_down(full->filled, kBlockBytes));
    const std::uint64_t first_byte = full->begin + full->write_bytes;
    const std::size_t capacity =
        std::max<std::uint64_t>(chunk_bytes_, align_up(end - first_byte, kBlockBytes));
    open_ = std::make_shared<Chunk>(buffers_, volume, first_byte, capacity);
    open_->filled = full->filled - full->write_bytes;
    if (open_->filled > 0) {
      full->carry_to = open_;
      full->carried = false;
    }
    chunks_.push_back(open_);
    carry(*full);
  }
  if (open_ == nullptr) {
    const std::uint64_t first_byte = align_down(begin, kBlockBytes);
    CIAOS_ASSERT(first_byte == begin);
    const std::size_t capacity =
        std::max<std::uint64_t>(chunk_bytes_, align_up(end - first_byte, kBlockBytes));
    open_ = std::make_shared<Chunk>(buffers_, volume, first_byte, capacity);
    chunks_.push_back(open_);
  }
  CIAOS_ASSERT(open_->volume.volume == volume.volume && begin >= open_->end() &&
               begin - open_->end() < kNeedleAlignment);
  const std::size_t at = begin - open_->begin;
  std::memset(open_->buffer.data() + open_->filled, 0, at - open_->filled);
  open_->filled = end - open_->begin;
  ++open_->encoding;
  return {open_, at};
}

void ChunkQueue::complete(Chunk& chunk) {
  CIAOS_ASSERT(chunk.encoding > 0);
  --chunk.encoding;
  carry(chunk);
}

// A chunk can be carried from only when what was carried to it has arrived.
void ChunkQueue::carry(Chunk& chunk) {
  if (chunk.carried || chunk.encoding > 0) return;
  for (const auto& other : chunks_) {
    if (other->carry_to.get() == &chunk && !other->carried) return;
  }
  Chunk& to = *chunk.carry_to;
  std::memcpy(to.buffer.data(), chunk.buffer.data() + chunk.write_bytes, chunk.filled - chunk.write_bytes);
  chunk.carried = true;
  carry(to);
}

void ChunkQueue::seal(std::size_t write_bytes) {
  open_->write_bytes = write_bytes;
  open_->state = Chunk::State::sealed;
  open_->number = ++last_sealed_;
  waiting_bytes_ += write_bytes;
  open_ = nullptr;
}

std::uint64_t ChunkQueue::flush() {
  if (open_ == nullptr) return last_sealed_;
  Chunk& chunk = *open_;
  const std::size_t padded = align_up(chunk.filled, kBlockBytes);
  std::memset(chunk.buffer.data() + chunk.filled, 0, padded - chunk.filled);
  seal(padded);
  return last_sealed_;
}

std::vector<std::shared_ptr<Chunk>> ChunkQueue::take_ready(std::uint64_t last_number, std::size_t bytes_max,
                                                           const Busy& zeros) {
  std::vector<std::shared_ptr<Chunk>> taken;
  std::size_t bytes = 0;
  bool before_is_whole = true;
  for (const auto& chunk : chunks_) {
    if (chunk->state == Chunk::State::writing || chunk->state == Chunk::State::written) continue;
    if (chunk->state == Chunk::State::open || chunk->number > last_number || bytes >= bytes_max) break;
    before_is_whole = before_is_whole && chunk->encoding == 0 && chunk->carried;
    if (!before_is_whole) break;
    if (chunk->volume.volume == zeros.begin.volume && chunk->writes_into(zeros.begin.offset, zeros.end))
      break;
    chunk->state = Chunk::State::writing;
    bytes += chunk->write_bytes;
    taken.push_back(chunk);
  }
  return taken;
}

void ChunkQueue::finish(Chunk& chunk) {
  CIAOS_ASSERT(chunk.state == Chunk::State::writing);
  chunk.state = Chunk::State::written;
  waiting_bytes_ -= chunk.write_bytes;
  forget_written();
}

void ChunkQueue::forget_written() {
  while (!chunks_.empty()) {
    const Chunk& first = *chunks_.front();
    if (first.state != Chunk::State::written) return;
    if (first.carry_to != nullptr && first.carry_to->state != Chunk::State::written) return;
    chunks_.pop_front();
  }
}

bool ChunkQueue::all_written(std::uint64_t last_number) const {
  for (const auto& chunk : chunks_) {
    if (chunk->state != Chunk::State::written && chunk->state != Chunk::State::open &&
        chunk->number <= last_number) {
      return false;
    }
  }
  return true;
}

std::shared_ptr<Chunk> ChunkQueue::find(const VolumePosition& begin, std::uint64_t end) const {
  for (const auto& chunk : chunks_) {
    if (chunk->volume.volume == begin.volume && chunk->volume.generation == begin.generation &&
        chunk->begin <= begin.offset && end <= chunk->end()) {
      return chunk;
    }
  }
  return nullptr;
}

}  // namespace ciaos::store
