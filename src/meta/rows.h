// The rows that make a filesystem. What they mean is the engine's; how they are kept is the index's; how they travel in
// the log is that of changes.h.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/log_position.h"

namespace ciaos::meta {

// In InodeRow::flags, of a directory: an object's PUT made it on its way, and it goes with the last thing in it. Not one of
// FS_*_FL, and shown to nobody.
inline constexpr std::uint32_t kImplicitDirectory = 1u << 31;

struct InodeRow {
  using Key = InodeId;
  std::uint32_t mode = 0;  // S_IFMT and permission bits
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t links = 0;         // 0: an orphan, kept by pins
  std::uint32_t flags = 0;         // FS_IMMUTABLE_FL and the like, kImplicitDirectory
  std::uint64_t device = 0;        // rdev of device nodes
  std::uint64_t size = 0;          // bytes; a symlink's is its target's length
  std::uint64_t stored_bytes = 0;  // sum of the lengths of its extents; st_blocks is made of it
  Timestamp accessed, modified, changed, born;
  std::uint64_t change = 0;         // raised by every change of its contents, settable by nobody
  InodeId parent;                   // of a directory; 0 for everything else and for the root
  std::uint64_t entries = 0;        // of a directory: names in it
  std::uint64_t next_position = 0;  // of a directory: for the next name; never reused
  std::string content;              // a symlink's target
  InodeId quota_root;               // the directory of whose quota tree it is, itself too; 0: of none
  bool operator==(const InodeRow&) const = default;
};

struct NameKey {
  InodeId parent;
  std::string name;
  auto operator<=>(const NameKey&) const = default;
};
struct NameRow {
  using Key = NameKey;
  InodeId child;
  std::uint64_t position = 0;  // in its directory; unique there, grows with each name added
  std::uint8_t type = 0;       // DT_*
  bool operator==(const NameRow&) const = default;
};

struct ExtentKey {
  InodeId inode;
  std::uint64_t offset = 0;  // in the file
  auto operator<=>(const ExtentKey&) const = default;
};
// No device has this volume: what a reserved extent names instead of a needle.
inline constexpr VolumeId kNoVolume{0xFFFF'FFFF};
// A reserved extent is no longer than the longest needle: who looks for what reaches into a range looks back this far.
inline constexpr std::uint64_t kReservedExtentBytesMax = 1u << 20;

// Bytes [key.offset, + length) of a file are payload bytes [payload_offset, + length) of a needle; or they are reserved:
// zeros without a needle, for which there is room kept in the store. Extents of a file never overlap; what none covers is
// a hole.
struct ExtentRow {
  using Key = ExtentKey;
  std::uint64_t length = 0;
  NeedlePlace needle;
  std::uint32_t payload_offset = 0;

  static ExtentRow reservation(std::uint64_t bytes) {
    ExtentRow row;
    row.length = bytes;
    row.needle.at.volume = kNoVolume;
    return row;
  }
  bool is_reserved() const { return needle.at.volume == kNoVolume; }
  bool operator==(const ExtentRow&) const = default;
};

struct XattrKey {
  InodeId inode;
  std::string name;  // with its namespace prefix
  auto operator<=>(const XattrKey&) const = default;
};
struct XattrRow {
  using Key = XattrKey;
  std::string value;
  bool operator==(const XattrRow&) const = default;
};

enum class VolumeState : std::uint8_t { open = 1, sealed = 2, free = 3 };
struct VolumeRow {
  using Key = VolumeId;
  Generation generation;
  VolumeState state = VolumeState::open;
  Sequence last_txn;  // the newest txn needle known to lie in it; 0 none
  bool operator==(const VolumeRow&) const = default;
};

// Numbers of the whole store.
enum class Counter : std::uint32_t {
  next_inode = 1,
  inodes = 2,              // that exist
  stored_bytes = 3,        // sum over all inodes
  logged_bytes = 4,        // of records in txn needles, ever
  logged_at_snapshot = 5,  // logged_bytes when the newest snapshot was taken
  scrub_volume = 6,        // where the scrubber stands: volume + generation * 2^32; 0: no round is under way
  scrub_offset = 7,        // and in it
  scrub_round_began = 8,   // seconds since 1970, of the round under way or the last one
  next_slot = 0x100,       // + device index: lowest volume file number never used (directories)
};
struct CounterRow {
  using Key = std::uint32_t;
  std::uint64_t value = 0;
  bool operator==(const CounterRow&) const = default;
};

}  // namespace ciaos::meta
