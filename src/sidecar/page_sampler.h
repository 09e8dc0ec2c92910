// Looks at the daemon's and the sidecar's own counters every few seconds, whether or not anybody looks at the page: who opens it
// sees the last hour.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/mutex.h"
#include "sidecar/metrics.h"
#include "sidecar/page_figures.h"
#include "sidecar/page_history.h"
#include "sidecar/store.h"

namespace ciaos::sidecar {

// Thread-safe; its mutex is a leaf.
class PageSampler {
 public:
  // All outlive it. Begins at once.
  PageSampler(Store& store, const Metrics& metrics, Clock& clock);
  ~PageSampler();

  std::string figures(std::uint64_t since) const EXCLUDES(mutex_);
  // The map as it was a few seconds ago; asked for again as long as somebody wants it, so that many pages cost no more than one.
  std::optional<VolumeMap> volumes() EXCLUDES(mutex_);
  // Whether the daemon answered when it was asked last.
  bool is_up() const EXCLUDES(mutex_);

 private:
  void run() EXCLUDES(mutex_);
  void look() EXCLUDES(mutex_);
  Result<VolumeMap> ask_volumes();

  Store& store_;
  const Metrics& metrics_;
  Clock& clock_;
  const std::int64_t began_ms_;
  PageHistory history_;

  mutable Mutex mutex_;
  CondVar wake_;
  bool stopping_ GUARDED_BY(mutex_) = false;
  bool up_ GUARDED_BY(mutex_) = false;
  std::string why_ GUARDED_BY(mutex_);  // there are no figures
  std::uint64_t map_wanted_until_ms_ GUARDED_BY(mutex_) = 0;
  std::uint64_t map_asked_ms_ GUARDED_BY(mutex_) = 0;
  std::optional<VolumeMap> map_ GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace ciaos::sidecar
