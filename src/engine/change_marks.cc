#include "engine/change_marks.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>
#include <functional>
#include <new>

#include "base/assert.h"

namespace ciaos::engine {
namespace {

constexpr std::size_t kBytes = ChangeMarks::kMarks * sizeof(ChangeMarks::Mark);

std::uint32_t group_of(std::uint64_t hash) {
  return static_cast<std::uint32_t>((hash * 0x9E3779B97F4A7C15ull) >> 49) % ChangeMarks::kMarks;
}

}  // namespace

ChangeMarks::ChangeMarks() : memory_(::memfd_create("ciaos-marks", MFD_CLOEXEC | MFD_ALLOW_SEALING)) {
  void* at = MAP_FAILED;
  if (memory_.valid() && ::ftruncate(memory_.get(), kBytes) == 0)
    at = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory_.get(), 0);
  // What is mapped already goes on being written; nobody can map it so any more.
  const bool sealed =
      at != MAP_FAILED && ::fcntl(memory_.get(), F_ADD_SEALS,
                                  F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) == 0;
  if (!sealed) memory_.reset();
  if (at == MAP_FAILED)
    at = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CIAOS_ASSERT(at != MAP_FAILED);
  marks_ = {std::launder(reinterpret_cast<Mark*>(at)), kMarks};  // all zeros
}

ChangeMarks::~ChangeMarks() { ::munmap(marks_.data(), kBytes); }

std::uint32_t ChangeMarks::mark_of(InodeId inode) { return group_of(inode.value()); }

std::uint32_t ChangeMarks::mark_of(std::string_view name) {
  return group_of(std::hash<std::string_view>()(name));
}

// Changes of one group may pass each other on the way here; the larger number stays.
void ChangeMarks::raise(std::uint32_t mark) {
  const std::uint64_t number = count_.fetch_add(1) + 1;
  std::uint64_t seen = marks_[mark].load();
  while (seen < number && !marks_[mark].compare_exchange_weak(seen, number)) {
  }
}

}  // namespace ciaos::engine
