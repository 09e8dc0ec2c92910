// What those who look after a store ask about it: its volumes, where a file's bytes lie, what a needle says, what trees have.
// Nothing here is on the way of a request to files.
//
// The applied index knows which rows name a volume, so what has to be exact about volumes commits first; a read-only engine
// tells of what the index has.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/log_position.h"
#include "base/result.h"
#include "base/uuid.h"
#include "engine/core.h"
#include "engine/damage_list.h"
#include "engine/mounted_root.h"
#include "meta/extents.h"
#include "meta/quota_row.h"
#include "store/needle.h"

namespace ciaos::engine {

struct StoreState {
  Uuid uuid;
  std::string label;
  std::vector<std::string> devices;
  std::uint64_t volume_bytes = 0;
  Epoch epoch;
  Sequence open_batch;     // the one that changes go to; read-only: 0
  Sequence durable_batch;  // everything up to it survives a power cut; read-only: 0
  Sequence applied_batch;  // the index has everything up to it
  std::uint64_t index_wal_bytes = 0;
  std::string index_directory;
  std::string failure;  // why nothing is written any more; empty: it is
};

struct VolumeInfo {
  meta::VolumeUsage usage;
  std::uint64_t held_bytes = 0;     // of the device
  std::uint64_t garbage_bytes = 0;  // about what emptying it would give back; of an open one not known, 0
  std::string device;
  std::uint64_t device_offset = 0;   // of its first byte
  std::uint64_t damaged_places = 0;  // that are listed now
  bool missing = false;              // the device has no such volume
};

// A row of a file, and where its needle's header lies.
struct ExtentPlace {
  meta::Extent extent;
  bool reserved = false;  // zeros for which room is held, without a needle
  std::string device;
  std::uint64_t device_offset = 0;
};

struct NeedleState {
  store::NeedleHeader header;
  Status payload;  // EUCLEAN: it does not verify; EIO
  std::string device;
  std::uint64_t device_offset = 0;
  std::vector<std::pair<InodeId, meta::Extent>> named_by;  // rows of the applied index, at most kNamedByMax
};

struct QuotaState {
  InodeId root;
  std::string path;  // from the root of the store
  meta::QuotaRow row;
};

// What a path takes, as far as it is kept: of the store, of a quota tree, of anything but a directory.
struct KeptUsage {
  std::uint64_t bytes = 0;
  std::uint64_t files = 0;
};

// Thread-safe. Inodes are those of the mount (mounted_root.h).
class Inspection {
 public:
  static constexpr std::size_t kNamedByMax = 100;

  Inspection(Core& core, const MountedRoot& root, const DamageList& damages)
      : core_(core), root_(root), damages_(damages) {}

  StoreState store();
  Result<std::vector<VolumeInfo>> volumes();
  // Rows that overlap [from, ...), in order, at most `limit`. ENOENT, ENOTSUP for what has no extents.
  Result<std::vector<ExtentPlace>> extents(InodeId inode, std::uint64_t from, std::size_t limit);
  // Written bytes that are no needle yet.
  Result<std::uint64_t> buffered_bytes(InodeId inode);
  // Where the first byte of each file lies, for who wants to read them in that order; nullopt: in no volume.
  std::vector<std::optional<VolumePosition>> places(std::span<const InodeId> inodes);
  // ENODATA: there is no needle; EUCLEAN: one whose header does not verify; ENOENT: no such volume.
  Result<NeedleState> needle(VolumeId volume, std::uint64_t offset);
  // Every directory with limits of its own.
  Result<std::vector<QuotaState>> quotas();
  // ENODATA: nothing is kept of this directory.
  Result<KeptUsage> usage(InodeId inode);
  // The root of the quota tree that it is part of; 0: none.
  Result<InodeId> tree_of(InodeId inode);

 private:
  Status bring_up_to_date();
  Result<std::string> path_of(InodeId directory);
  struct Where {
    std::string device;
    std::uint64_t offset = 0;
  };
  Result<Where> where(const VolumePosition& at);

  Core& core_;
  const MountedRoot& root_;
  const DamageList& damages_;
};

}  // namespace ciaos::engine
