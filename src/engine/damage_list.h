// What is known to be damaged, and kept over remounts beside the index: as with the index, who deletes the file loses
// nothing that the next round of the scrubber does not find again.
//
// The file and what users read are the same text: a line that names the columns, then a line for each damage.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/log_position.h"
#include "base/mutex.h"
#include "base/result.h"

namespace ciaos::engine {

// Bytes of a file that cannot be had, and where they should be.
struct Damage {
  VolumePosition at;  // of the damaged bytes
  InodeId inode;
  std::uint64_t file_offset = 0;
  std::uint64_t length = 0;
  int code = 0;  // EUCLEAN: wrong bytes; EIO: the device refused; ENOENT: the volume is gone
  std::uint64_t device_offset = 0;  // of the damaged bytes in `device`
  std::string device;
  std::string path;  // one of its names when it was found; empty: it had none

  // Two are the same damage whatever the file is called now.
  friend bool operator<(const Damage& a, const Damage& b) {
    return std::tie(a.at, a.inode, a.file_offset, a.length) <
           std::tie(b.at, b.inode, b.file_offset, b.length);
  }
};

std::string encode_damages(const std::vector<Damage>& damages);
// EINVAL for anything that encode_damages() would not have written.
Result<std::vector<Damage>> decode_damages(std::string_view text);
// For the log.
std::string describe(const Damage& damage);

// Thread-safe; its mutex is a leaf.
class DamageList {
 public:
  // More than this are not listed: a device that lost everything must not take the memory as well.
  static constexpr std::size_t kKeptMax = 10'000;

  // Reads `path`, which may be missing, and writes it when something changes.
  void load(std::string path) EXCLUDES(mutex_);
  // What bytes [begin, end) of a volume hold now: those of the list that were there before and are not in `found` go. The
  // result is what was not known before, to be told.
  std::vector<Damage> replace(VolumeId volume, std::uint64_t begin, std::uint64_t end,
                              const std::vector<Damage>& found) EXCLUDES(mutex_);
  // Those of volumes that are no more go. `kept`: which are, with their generations.
  void keep_only(const std::set<std::pair<VolumeId, Generation>>& kept) EXCLUDES(mutex_);
  // Writes the file if something has changed.
  Status save() EXCLUDES(mutex_);

  std::size_t count() const EXCLUDES(mutex_);
  // How many lie in each volume that has any.
  std::map<VolumeId, std::uint64_t> by_volume() const EXCLUDES(mutex_);
  std::string text() const EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::string path_ GUARDED_BY(mutex_);
  std::set<Damage> damages_ GUARDED_BY(mutex_);
  bool full_ GUARDED_BY(mutex_) = false;
  bool changed_ GUARDED_BY(mutex_) = false;
};

}  // namespace ciaos::engine
