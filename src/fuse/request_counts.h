// How many requests of each kind the kernel has sent: what a mount costs, counted where nothing can be missed.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

namespace ciaos::fuse {

// "read"; a kind without a name is its number.
std::string name_of_request(std::size_t opcode);

// Thread-safe.
class RequestCounts {
 public:
  // `opcode` is a FUSE_* of linux/fuse.h; unknown ones are counted together.
  void add(std::uint32_t opcode) {
    counts_[opcode < counts_.size() ? opcode : 0].fetch_add(1, std::memory_order_relaxed);
  }
  std::uint64_t of(std::uint32_t opcode) const { return counts_[opcode].load(); }
  // "LOOKUP=2 OPEN=1", in the order of the numbers; a kind without a name is its number.
  std::string text() const;

 private:
  std::array<std::atomic<std::uint64_t>, 64> counts_{};
};

}  // namespace ciaos::fuse
