#include "store/memory_device.h"

#include <sys/mman.h>

#include <cstring>

#include "store/format.h"

namespace ciaos::store {

namespace {

std::byte* map_zeros(std::uint64_t bytes) {
  CIAOS_ASSERT(bytes > 0);
  void* memory =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CIAOS_ASSERT(memory != MAP_FAILED);
  return static_cast<std::byte*>(memory);
}

}  // namespace

MemoryDevice::MemoryDevice(std::uint64_t bytes) : size_(bytes), bytes_(map_zeros(bytes)) {}

MemoryDevice::~MemoryDevice() { ::munmap(bytes_, size_); }

Status MemoryDevice::read(std::uint64_t offset, MutableByteSpan into) {
  TRY_VOID(check_range(*this, offset, into.size()));
  ReaderLock lock(mutex_);
  if (!into.empty()) std::memcpy(into.data(), bytes_ + offset, into.size());
  return {};
}

Status MemoryDevice::write(std::uint64_t offset, ByteSpan from) {
  TRY_VOID(check_range(*this, offset, from.size()));
  WriterLock lock(mutex_);
  if (!from.empty()) std::memcpy(bytes_ + offset, from.data(), from.size());
  return {};
}

Status MemoryDevice::discard(std::uint64_t offset, std::uint64_t bytes) {
  TRY_VOID(check_range(*this, offset, bytes));
  WriterLock lock(mutex_);
  const std::uint64_t end = offset + bytes;
  const std::uint64_t whole_begin = align_up(offset, kBlockBytes);
  const std::uint64_t whole_end = align_down(end, kBlockBytes);
  if (whole_begin >= whole_end) {
    std::memset(bytes_ + offset, 0, bytes);
    return {};
  }
  std::memset(bytes_ + offset, 0, whole_begin - offset);
  // Fails only where pages are larger than a block; zeros are written by hand there.
  if (::madvise(bytes_ + whole_begin, whole_end - whole_begin, MADV_DONTNEED) != 0) {
    std::memset(bytes_ + whole_begin, 0, whole_end - whole_begin);
  }
  std::memset(bytes_ + whole_end, 0, end - whole_end);
  return {};
}

}  // namespace ciaos::store
