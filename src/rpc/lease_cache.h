// What a client may remember of what the daemon said, and the volumes that it may read.
//
// What was said of an object holds as long as none of its marks rises (engine/change_marks.h): that is looked up in the daemon's
// memory, without a word to it. Bytes may be read from a volume as long as the daemon holds it back (engine/leases.h), which each
// reply with pieces in that volume renews. Both are looked at for each use, in this order: volumes, then marks. So what the marks
// call true lies in a volume from which nothing goes before the lease is over.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/mutex.h"
#include "base/unique_fd.h"
#include "base/uuid.h"
#include "engine/change_marks.h"
#include "engine/object_types.h"
#include "rpc/volume_reader.h"

namespace ciaos::rpc {

// Thread-safe; its mutexes are leaves.
class LeaseCache {
 public:
  // Less than the daemon's, which counts from a later moment on.
  static constexpr std::uint64_t kHeldMs = engine::kLeaseMs - 1000;
  static constexpr std::uint64_t kBytesMax = 64u << 20;

  struct Volume {
    explicit Volume(UniqueFd the_fd) : fd(std::move(the_fd)) {}
    const UniqueFd fd;
    std::atomic<std::uint64_t> held_until_ms{0};
  };
  using VolumeRef = std::shared_ptr<Volume>;
  // Bytes [begin, end) of a file: pieces in order, and zeros between them.
  struct Extents {
    struct Part {
      engine::LeasedPiece piece;
      VolumeRef volume;
    };
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::vector<Part> parts;
    bool held(std::uint64_t now_ms) const;
  };
  struct Object {
    engine::ObjectInfo info;
    bool readable = false;  // `extents` are all of it
    Extents extents;
    std::uint64_t stamp = 0;
    std::vector<std::uint32_t> marks;
  };
  using ObjectRef = std::shared_ptr<const Object>;

  LeaseCache() = default;
  ~LeaseCache();
  LeaseCache(const LeaseCache&) = delete;
  LeaseCache& operator=(const LeaseCache&) = delete;

  // Before anything else. `marks` is what the daemon's verb of that name handed out; without it nothing is remembered.
  void begin(const Uuid& store, const UniqueFd& marks, const BeforeWaiting& before_waiting);
  bool is_begun() const { return begun_; }

  // nullptr: nothing is known that holds.
  ObjectRef find(const engine::ObjectPath& path, std::uint64_t now_ms) const;
  void keep(const engine::ObjectPath& path, ObjectRef object);
  void drop(const engine::ObjectPath& path);

  VolumeRef find_volume(VolumeId id) const;
  VolumeRef add_volume(VolumeId id, UniqueFd fd);

  // Bytes of the file from `offset` on, which lie inside of `extents`.
  Status read(const Extents& extents, std::uint64_t offset, MutableByteSpan into) const;

  // Closes volumes that nobody wants any more, since an open file keeps its space.
  void sweep(std::uint64_t now_ms);

 private:
  static constexpr std::size_t kShards = 16;
  struct Shard {
    mutable Mutex mutex;
    std::unordered_map<std::string, ObjectRef> objects GUARDED_BY(mutex);
    std::uint64_t bytes GUARDED_BY(mutex) = 0;
  };
  static std::string key_of(const engine::ObjectPath& path) { return path.bucket + '/' + path.key; }
  static std::uint64_t bytes_of(const std::string& key, const Object& object);
  static void erase(Shard& shard, std::unordered_map<std::string, ObjectRef>::iterator at)
      REQUIRES(shard.mutex);
  Shard& shard_of(const std::string& key) const {
    return shards_[std::hash<std::string>()(key) / 16 % kShards];
  }
  bool holds(const Object& object) const;

  // Constant after begin().
  bool begun_ = false;
  BeforeWaiting before_waiting_;
  Uuid store_;
  std::span<const engine::ChangeMarks::Mark> marks_;

  mutable std::array<Shard, kShards> shards_;
  mutable Mutex volumes_mutex_;
  std::map<VolumeId, VolumeRef> volumes_ GUARDED_BY(volumes_mutex_);
};

}  // namespace ciaos::rpc
