// Tells other processes, without being asked, that something they remember has changed: a number for each group of names and
// inodes, in memory that they map for reading.
//
// A change takes the next number of one count and leaves it as the mark of its group, while the lock of what it changes is
// held. Whoever takes the count first (stamp()) and then looks something up under those locks may hold what it found for true as
// long as no mark of what it looked at is above the stamp: a change that the look did not see came after it, and so got a
// larger number. Groups are shared, so a mark may also rise for somebody else's sake; then one asks again.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/ids.h"
#include "base/unique_fd.h"

namespace ciaos::engine {

// Thread-safe.
class ChangeMarks {
 public:
  static constexpr std::size_t kMarks = 1u << 15;
  using Mark = std::atomic<std::uint64_t>;
  static_assert(Mark::is_always_lock_free && sizeof(Mark) == sizeof(std::uint64_t));

  ChangeMarks();
  ~ChangeMarks();
  ChangeMarks(const ChangeMarks&) = delete;
  ChangeMarks& operator=(const ChangeMarks&) = delete;

  // Under the lock of what changes.
  void note(InodeId inode) { raise(mark_of(inode)); }
  // A name, in whichever directory.
  void note(std::string_view name) { raise(mark_of(name)); }
  // Before the look.
  std::uint64_t stamp() const { return count_.load(); }
  bool is_unchanged(std::uint32_t mark, std::uint64_t stamp) const { return marks_[mark].load() <= stamp; }

  static std::uint32_t mark_of(InodeId inode);
  static std::uint32_t mark_of(std::string_view name);

  // kMarks numbers of 8 bytes, which whoever gets this can neither change nor shorten. -1: the kernel cannot do that.
  int descriptor() const { return memory_.get(); }

 private:
  void raise(std::uint32_t mark);

  std::atomic<std::uint64_t> count_{0};
  UniqueFd memory_;
  std::span<Mark> marks_;
};

}  // namespace ciaos::engine
