// Keys of a bucket in byte order of whole keys, from any key on, in constant memory.
//
// The index gives the names of one directory in byte order; but a directory "a" stands for keys that begin with "a/", and these
// come behind a file "a-b", since '-' is below '/'. So a directory waits until a name comes that is not below its name with
// the slash. Those who wait are prefixes of one another, so there are never more of them than a name has bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/objects.h"

namespace ciaos::engine {

// Not thread-safe. Keys that come or go meanwhile may be shown or not; all others are, once.
class ObjectWalk {
 public:
  struct Found {
    std::string key;
    InodeId inode;
  };
  // `bucket` is the directory of the keys.
  ObjectWalk(Objects& objects, InodeId bucket) : objects_(objects), bucket_(bucket) {}

  // The next key is the first that is `key` or behind it.
  Status seek(const std::string& key);
  Result<std::optional<Found>> next();

 private:
  struct Child {
    std::string name;
    InodeId inode;
  };
  struct Frame {
    InodeId directory;
    std::string prefix;  // of its keys: empty, or ending in "/"
    std::vector<meta::NameEntry> names;
    std::size_t at = 0;
    std::string from;            // of the next read
    bool last = false;           // there is no next read
    std::vector<Child> waiting;  // directories, the longest name last
  };
  Status open_frame(InodeId directory, std::string prefix, std::string from);
  Status fill(Frame& frame);
  // A directory whose turn has come: shown itself if it is an object, and entered.
  Result<std::optional<Found>> descend(const Frame& frame, const Child& child);

  Objects& objects_;
  const InodeId bucket_;
  std::vector<Frame> frames_;
};

}  // namespace ciaos::engine
