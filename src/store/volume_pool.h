// Space: which volumes may still be started, and a ledger of bytes promised to writes that are not in the log yet.
//
// Invariant 8: some volumes are never given to data. One is for compaction, one for txn needles, the others take a
// snapshot; so a store that is full for data still commits deletions.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "base/log_position.h"
#include "base/mutex.h"
#include "store/volume_set.h"

namespace ciaos::store {

// While a snapshot is no larger than a volume; see set_snapshot_bytes().
inline constexpr std::uint32_t kVolumesReserved = 3;

struct VolumeStart {
  VolumeId volume;
  Generation generation;
  std::shared_ptr<Device> device;
};

// What is known of a volume when the store opens; from the rows of the index.
struct KnownVolume {
  VolumeId volume;
  Generation generation;  // of its current life; for a free raw slot, of its last one
  bool free = false;
};

// What a promise is for: bytes that are new to the store, or a range of a file that room is held for.
enum class Claim { fresh, held };

// Thread-safe. Lock order: mutex_ is a leaf, never held across device I/O.
class VolumePool {
 public:
  // `next_slots[d]`: directories: the lowest file number never used on device d. `usable_bytes`: what a fresh volume
  // can be counted on to take, after the room kept for a txn needle and the last needle that does not fit.
  VolumePool(VolumeSet& volumes, const std::vector<KnownVolume>& known, std::vector<std::uint32_t> next_slots,
             std::uint64_t usable_bytes);

  // Promises `bytes` of log space (payload, header, padding) to a write, preparing volumes if needed: may block on the
  // device, so call it without locks. ENOSPC when data may have no more. With Claim::held it may take what is held
  // for ranges of files.
  Status reserve(std::uint64_t bytes, Claim claim = Claim::fresh) EXCLUDES(mutex_);
  // The same for moving live needles out of a volume that is then given back: may take the volume that data never gets.
  // At most one volume's worth, and one such promise at a time.
  Status reserve_for_compaction(std::uint64_t bytes) EXCLUDES(mutex_);
  // The same for a piece of a snapshot, if data is refused it: what is kept for compaction and for txn needles stays.
  Status reserve_for_snapshot(std::uint64_t bytes) EXCLUDES(mutex_);
  // About how large the next snapshot will be: so much is kept from data.
  void set_snapshot_bytes(std::uint64_t bytes) EXCLUDES(mutex_);
  // A promise that ended: by an append that used it, or unused.
  void release(std::uint64_t bytes) EXCLUDES(mutex_);
  // Keeps room back for `bytes` of files that are not written yet (fallocate), among it volumes that could be made. None is
  // made: the filesystem of a directory store is not kept from its other users. Asks the devices, so call it without locks.
  // ENOSPC.
  Status hold(std::uint64_t bytes) EXCLUDES(mutex_);
  // What the store's rows hold when it opens; that it fits was seen when they were made.
  void hold_again(std::uint64_t bytes) EXCLUDES(mutex_);
  // Of what was held: written, or given up.
  void unhold(std::uint64_t bytes) EXCLUDES(mutex_);
  // The log writer reports what its current volume can still take; part of the ledger.
  void set_current_room(std::uint64_t bytes) EXCLUDES(mutex_);

  // A prepared volume (created, preallocated, synced). Data reserved before, so one is ready, unless needles that need no
  // promise took its room: then a promise is kept from the reserve. Txn needles and snapshots may take a reserved one; the
  // call then may block to create it. ENOSPC when even those are gone. The writer goes on in it: its room is
  // `usable_bytes` until set_current_room() says otherwise.
  Result<VolumeStart> take(bool for_data) EXCLUDES(mutex_);
  // Prepares one volume ahead if there is room, so that a later take() does not wait. Blocks on the device.
  Status prepare() EXCLUDES(mutex_);
  // A volume's space is given back and may be used again (raw: with its next generation). Blocks.
  Status give_back(VolumeId volume, Generation generation) EXCLUDES(mutex_);

  // For the rows that make this survive: the lowest file number never used, per device.
  std::vector<std::uint32_t> next_slots() const EXCLUDES(mutex_);
  // Volumes taken or prepared and those that could still be made; bytes that data can have, with and without what is
  // promised or held.
  struct Space {
    std::uint64_t bytes_total = 0;
    std::uint64_t bytes_grantable = 0;
    std::uint64_t bytes_available = 0;
  };
  Space space() const EXCLUDES(mutex_);
  // Whether data could have so much more, but for other claims. Asks the devices only when what is prepared does not say yes.
  bool has_room_for(std::uint64_t bytes) const EXCLUDES(mutex_);

 private:
  enum class Purpose { data, compaction, snapshot, reserved };
  // A volume that is being made, and the life it had before.
  struct Chosen {
    VolumeId volume;
    Generation last;
  };

  // Waits for whoever prepares now; true if the caller prepares next, false if something may have changed meanwhile.
  bool may_prepare() REQUIRES(mutex_);
  // One volume more in prepared_, made by the one thread that holds preparing_. Blocks on the device.
  Status prepare_one(Purpose purpose) EXCLUDES(mutex_);
  Status create(Purpose purpose) EXCLUDES(mutex_);
  // How many volumes must be left behind one that is made for that.
  std::uint64_t kept_from(Purpose purpose) const REQUIRES(mutex_);
  Status reserve_of_the_reserve(std::uint64_t bytes, Purpose purpose) EXCLUDES(mutex_);
  // Data is not granted what was made of the reserve, until as much is given back.
  std::uint64_t granted_to_data_bytes() const REQUIRES(mutex_);
  void note_creatable(std::uint64_t volumes) REQUIRES(mutex_);
  void learn_creatable() EXCLUDES(mutex_);
  // How many volumes each device could still make; asks the devices.
  Result<std::vector<std::uint64_t>> creatable() const EXCLUDES(mutex_);
  Chosen choose_on(std::uint32_t device) REQUIRES(mutex_);
  std::uint64_t granted_bytes() const REQUIRES(mutex_);
  std::uint64_t held() const EXCLUDES(mutex_);
  // Volumes that could still be made for data; asks the devices.
  Result<std::uint64_t> creatable_for_data() const EXCLUDES(mutex_);
  // Whether `bytes` more can be promised when `held` bytes of files are held and `creatable` volumes could be made.
  bool fits_beside_held(std::uint64_t bytes, std::uint64_t held, std::uint64_t creatable) const
      REQUIRES(mutex_);
  bool is_raw(std::uint32_t device) const;

  mutable Mutex mutex_;
  CondVar prepared_or_failed_;
  VolumeSet& volumes_;
  const std::uint64_t usable_bytes_;
  std::uint64_t promised_ GUARDED_BY(mutex_) = 0;
  std::uint64_t held_ GUARDED_BY(mutex_) = 0;  // bytes of files
  std::uint64_t current_room_ GUARDED_BY(mutex_) = 0;
  std::vector<VolumeStart> prepared_ GUARDED_BY(mutex_);          // first made, first taken
  std::map<VolumeId, Generation> free_slots_ GUARDED_BY(mutex_);  // raw: with the last generation, 0 for none
  std::vector<std::uint32_t> next_slots_ GUARDED_BY(mutex_);
  std::uint64_t taken_ GUARDED_BY(mutex_) = 0;
  std::uint64_t reserved_ GUARDED_BY(mutex_) = kVolumesReserved;
  std::uint64_t lent_ GUARDED_BY(mutex_) = 0;  // volumes that the reserve is short of
  bool preparing_ GUARDED_BY(mutex_) = false;
  std::uint32_t last_device_ GUARDED_BY(mutex_);
};

}  // namespace ciaos::store
