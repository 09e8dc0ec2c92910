// What front doors and the engine tell each other. No FUSE and no HTTP in it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"

namespace ciaos::engine {

// Who asks. Permission bits are checked by the kernel (default_permissions); the engine needs the ids for what it creates
// and for the rules about set-id bits.
struct Caller {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t umask = 0;
  // The further groups; needed by setxattr() of an access control list only.
  std::span<const std::uint32_t> groups;
};

struct Attributes {
  InodeId inode;
  std::uint32_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t links = 0;
  std::uint32_t flags = 0;  // FS_*_FL
  std::uint64_t device = 0;
  std::uint64_t size = 0;       // bytes
  std::uint64_t blocks512 = 0;  // 512-byte units that hold data
  Timestamp accessed, modified, changed, born;
  std::uint64_t change = 0;
  bool is_report = false;     // written while it is read (report_files.h): nothing of it may be kept
  bool notes_access = false;  // by open: its next read moves `accessed`, so it has to come here
};

// An absent field stays as it is.
struct SetAttributes {
  std::optional<std::uint32_t> mode;  // permission bits
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  std::optional<std::uint64_t> size;
  std::optional<Timestamp> accessed;
  std::optional<Timestamp> modified;
  bool accessed_now = false;
  bool modified_now = false;
  bool clears_set_id = false;  // the caller may not keep set-id bits (write or truncate without CAP_FSETID)
};

struct DirectoryEntry {
  std::string_view name;
  InodeId inode;
  std::uint8_t type = 0;       // DT_*
  std::uint64_t position = 0;  // what to continue after; 1 is ".", 2 is "..", names come above
};

enum class XattrMode { any, create, replace };

struct Rename {
  InodeId parent;
  std::string_view name;
  InodeId new_parent;
  std::string_view new_name;
  bool no_replace = false;
  bool exchange = false;
  // Leaves at the old name what a union filesystem takes for a deleted name: a character device 0, 0 of this caller.
  bool whiteout = false;
  Caller caller = {};
};

// What lseek(2) is asked for besides plain positions.
enum class SeekTo { data, hole };

// What fallocate(2) does to a range. The first two leave zeros there; the last leaves what is there, and keeps room in the
// store for what is not.
enum class RangeKind { punch, zero, reserve };
struct RangeChange {
  RangeKind kind = RangeKind::punch;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;    // bytes, not 0
  bool keep_size = true;       // else a range that ends behind the end of the file moves it there
  bool clears_set_id = false;  // as in SetAttributes
};

// Bytes of one file that another one, or the same one elsewhere, is to share.
struct CloneRange {
  InodeId from;
  std::uint64_t from_offset = 0;
  InodeId to;
  std::uint64_t to_offset = 0;
  std::uint64_t length = 0;    // bytes
  bool clears_set_id = false;  // as in SetAttributes, for `to`
};

// For whoever caches what the engine said and has to hear of changes that it did not ask for itself: those made by object
// verbs. Called by the thread that made the change, without locks, before its verb returns.
struct Watch {
  std::function<void(InodeId parent, const std::string& name)> name_changed;
  std::function<void(InodeId inode)> inode_changed;  // contents or attributes
};

struct FilesystemStatistics {
  std::uint64_t bytes_total = 0;
  std::uint64_t bytes_free = 0;
  std::uint64_t inodes = 0;  // in use
  std::uint64_t inodes_free = 0;
  std::uint32_t block_bytes = 4096;
  std::uint32_t name_bytes_max = 255;
};

inline constexpr std::uint64_t kFirstNamePosition = 16;  // positions below are ".", ".." and room
inline constexpr std::uint32_t kLinksMax = 1u << 20;
inline constexpr std::uint64_t kFileBytesMax = (1ull << 63) - 1;
inline constexpr std::size_t kNameBytesMax = 255;
inline constexpr std::size_t kSymlinkBytesMax = 4095;
inline constexpr std::size_t kXattrBytesMax = 65536;
inline constexpr std::size_t kAclBytesMax = 4096;  // what the kernel passes on of an access control list

}  // namespace ciaos::engine
