// What every callback finds behind its request: the engine, and what was agreed with the kernel.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "engine/engine.h"
#include "fuse/libfuse.h"
#include "fuse/open_mode.h"
#include "fuse/passthrough.h"
#include "fuse/read_forecast.h"
#include "fuse/request_counts.h"
#include "fuse/request_times.h"
#include "fuse/ring_transport.h"

namespace ciaos::fuse {

// Largest read and write request. libfuse 3.14 can carry no more.
inline constexpr std::uint32_t kRequestBytesMax = 1u << 20;

// The daemon is the only writer and tells the kernel when something changes behind its back, so names (also those that
// do not exist) and attributes never go stale by themselves. A year.
inline constexpr double kCacheSeconds = 365.0 * 24 * 3600;

// Thread-safe: `engine` is, and is set before the first request is read; the rest is written by the INIT callback before any
// other request arrives.
struct Session {
  Session(OpenMode mode, std::uint64_t slow_ns) : open_mode(mode), times(slow_ns) {}

  engine::Engine* engine = nullptr;
  fuse_session* handle = nullptr;  // libfuse's; constant once it is mounted
  const OpenMode open_mode;
  RequestCounts requests;
  RequestTimes times;
  ReadForecast forecast;
  // The same for files, where there is nothing that an open could change: no OPEN and no RELEASE.
  bool open_unneeded = false;
  // The kernel takes ENOSYS for "directories need no open", and sends neither OPENDIR nor RELEASEDIR from then on.
  bool opendir_unneeded = false;
  // What the kernel offered, the high half too, which libfuse 3.14 does not look at. 0 where nobody could see.
  std::atomic<std::uint64_t> kernel_offers{0};
  // Told to the kernel with the INIT reply, and started behind it. Null: all requests come by /dev/fuse.
  std::unique_ptr<RingTransport> rings;
  // Large files are read without us: told to the kernel with the INIT reply. Null: none is. Constant from then on.
  std::unique_ptr<Passthrough> passthrough;
  Status passthrough_possible;  // what was found of it where it was wanted
  // Flags that the INIT reply must get on its way to the kernel; see init_hook.h.
  std::atomic<std::uint32_t> init_flags_missing{0};
};

// A bit of `kernel_offers`. A kernel that has it (Linux 6.6) also drops a file's pages when somebody writes past them.
inline constexpr std::uint64_t kOfferDirectIoAllowMmap = 1ull << 36;

inline constexpr std::uint64_t kOfferPassthrough = 1ull << 37;
inline constexpr std::uint64_t kOfferRings = 1ull << 41;

inline Session& session_of(fuse_req_t req) { return *static_cast<Session*>(fuse_req_userdata(req)); }
inline engine::Engine& engine_of(fuse_req_t req) { return *session_of(req).engine; }

}  // namespace ciaos::fuse
