// What front doors and the object verbs tell each other. No HTTP in it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"

namespace ciaos::engine {

// A bucket is a directory in the root, a key the path of a file below it.
struct ObjectPath {
  std::string bucket;
  std::string key;  // empty: the bucket itself
  bool operator==(const ObjectPath&) const = default;
};

// Names and values; what they mean is the front door's.
using Labels = std::map<std::string, std::string>;

// What is known of an object besides its bytes.
struct ObjectNotes {
  std::string etag;  // without quotes; empty: none was given for these bytes
  Labels facts;      // true of these bytes only: checksums, sizes of parts
  Labels labels;     // true of the object whatever its bytes: content type, user metadata, tags
  bool operator==(const ObjectNotes&) const = default;
};

struct ObjectInfo {
  InodeId inode;
  std::uint64_t size = 0;  // bytes
  Timestamp modified;
  std::uint64_t change = 0;  // raised by every change of the bytes
  bool directory = false;    // a key that ends in "/", or a bucket
  ObjectNotes notes;         // etag is never empty here: see etag_of_change()
};

// Who owns what a PUT makes, and with which permission bits.
struct ObjectOwner {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t file_mode = 0644;
  std::uint32_t directory_mode = 0755;  // of directories that a PUT makes on its way
};

// What must hold of the object that is there, or is not, at the moment when it is replaced, read or deleted. ETags are
// without quotes; "*" stands for any object.
struct ObjectCondition {
  bool absent = false;  // EEXIST otherwise
  std::vector<std::string> if_match;
  std::vector<std::string> if_none_match;
  bool empty() const { return !absent && if_match.empty() && if_none_match.empty(); }
};

struct ObjectList {
  std::string bucket;
  std::string prefix;
  std::string delimiter;    // empty: none
  std::string start_after;  // keys and common prefixes behind this one
  std::size_t limit = 1000;
  bool notes = true;  // whether ETags and labels are wanted
};

struct ObjectEntry {
  std::string key;
  bool common_prefix = false;  // then `info` says nothing
  ObjectInfo info;
};

struct ObjectPage {
  std::vector<ObjectEntry> entries;  // in byte order of whole keys
  bool more = false;                 // go on with start_after = the last entry's key
};

inline constexpr std::size_t kKeyBytesMax = 1024;
inline constexpr std::size_t kListLimitMax = 1000;
inline constexpr std::size_t kNotesBytesMax = 32 * 1024;
inline constexpr std::uint32_t kPartsMax = 10'000;
// Names in the root that begin so are the store's own, and no buckets.
inline constexpr std::string_view kReservedPrefix = ".ciaos";
// Where uploads wait.
inline constexpr std::string_view kUploadsDirectory = ".ciaos-uploads";

// The ETag of bytes that nobody told an MD5 of. It has dashes, so nobody takes it for one.
std::string etag_of_change(InodeId inode, std::uint64_t change);

}  // namespace ciaos::engine
