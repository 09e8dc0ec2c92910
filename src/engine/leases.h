// Who reads volumes without the engine, and until when (invariant 3).
//
//   take() --> held --kLeaseMs after the last take()--> over
//                   --end()---------------------------> over
//
// A lease is of a whole volume. While somebody holds one, what was live in the volume when it was taken is neither given back nor
// punched. Whoever frees does not wait: it notes when it found something dead, and comes back kLeaseMs later at the latest,
// since a lease that was taken afterwards cannot be of what was dead by then. So nobody holds up more than that, however often
// he takes it anew.
#pragma once

#include <cstdint>
#include <map>
#include <span>

#include "base/clock.h"
#include "base/ids.h"
#include "base/log_position.h"
#include "base/mutex.h"
#include "base/result.h"

namespace ciaos::engine {

inline constexpr std::uint64_t kLeaseMs = 5000;
inline constexpr std::size_t kLeasedVolumesMax = 1024;  // of one holder

// Bytes of a file that are payload bytes of one needle.
struct LeasedPiece {
  std::uint64_t offset = 0;  // in the file
  std::uint64_t length = 0;
  NeedlePlace needle;
  std::uint32_t payload_offset = 0;
  std::uint64_t end() const { return offset + length; }
};

// Thread-safe; its mutex is a leaf.
class Leases {
 public:
  explicit Leases(Clock& clock) : clock_(clock) {}

  // All leases of one reader; they end with it. Outlived by the engine.
  class Holder {
   public:
    explicit Holder(Leases& leases) : leases_(leases) {}
    ~Holder() { leases_.end(this); }
    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;
    bool has(VolumeId volume) const { return leases_.has(this, volume); }

   private:
    friend class Leases;
    Leases& leases_;
  };

  // Takes them, or takes them anew. Under a read-epoch ticket that is older than the look which found something there. EMFILE,
  // and none was taken: `holder` would have too many.
  Status take(const Holder& holder, std::span<const VolumeId> volumes) EXCLUDES(mutex_);
  bool is_held(VolumeId volume) const EXCLUDES(mutex_);

  // Whether what was found dead in `volume` at `found_ms` may go by now. After the reads that began earlier have ended.
  bool may_free(VolumeId volume, std::uint64_t found_ms) const;
  std::uint64_t now_ms() const { return clock_.monotonic_ms(); }
  // May block for kLeaseMs: until may_free() for all of what is dead now in `volumes`.
  void wait_for_earlier(std::span<const VolumeId> volumes) const EXCLUDES(mutex_);

 private:
  using Held = std::map<VolumeId, std::uint64_t>;  // when each is over
  bool has(const Holder* holder, VolumeId volume) const EXCLUDES(mutex_);
  void end(const Holder* holder) EXCLUDES(mutex_);

  Clock& clock_;
  mutable Mutex mutex_;
  mutable CondVar ended_;
  std::map<const Holder*, Held> holders_ GUARDED_BY(mutex_);
};

}  // namespace ciaos::engine
