// Numbers that mean something have types of their own: ids do not add, and offsets in a file and in a volume
// do not mix. All are plain integers underneath and cost nothing.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace ciaos {

template <typename Tag, typename Rep>
class Id {
 public:
  using rep = Rep;
  constexpr Id() = default;
  constexpr explicit Id(Rep value) : value_(value) {}
  constexpr Rep value() const { return value_; }
  constexpr auto operator<=>(const Id&) const = default;

 private:
  Rep value_ = 0;
};

// A file, directory or other object; never reused. 1 is the root.
using InodeId = Id<struct InodeTag, std::uint64_t>;
inline constexpr InodeId kRootInode{1};

// A volume: device index in the upper 8 bits, the file number or slot on that device in the lower 24.
using VolumeId = Id<struct VolumeTag, std::uint32_t>;
constexpr VolumeId make_volume_id(std::uint32_t device, std::uint32_t slot) {
  return VolumeId((device << 24) | (slot & 0xFFFFFFu));
}
constexpr std::uint32_t device_of(VolumeId id) { return id.value() >> 24; }
constexpr std::uint32_t slot_of(VolumeId id) { return id.value() & 0xFFFFFFu; }

// Which life of a volume: a raw slot counts its lives up from 1, a volume file lives once and is always 1.
using Generation = Id<struct GenerationTag, std::uint32_t>;
// Raised by each writer that opens the store.
using Epoch = Id<struct EpochTag, std::uint64_t>;
// The number of a batch; 1 is the one mkfs writes. 0 means "none".
using Sequence = Id<struct SequenceTag, std::uint64_t>;

constexpr Sequence next(Sequence s) { return Sequence(s.value() + 1); }

}  // namespace ciaos

template <typename Tag, typename Rep>
struct std::hash<ciaos::Id<Tag, Rep>> {
  std::size_t operator()(ciaos::Id<Tag, Rep> id) const noexcept {
    // Ids are dense; multiply so that tables which mask low bits still spread.
    return static_cast<std::size_t>(static_cast<std::uint64_t>(id.value()) * 0x9E3779B97F4A7C15ull >> 7);
  }
};
