// What every callback finds behind its request: the engine, and what was agreed with the kernel.
#pragma once

#include <atomic>
#include <cstdint>

#include "engine/engine.h"
#include "fuse/libfuse.h"

namespace ciaos::fuse {

// Largest read and write request. libfuse 3.14 can carry no more.
inline constexpr std::uint32_t kRequestBytesMax = 1u << 20;

// The daemon is the only writer and tells the kernel when something changes behind its back, so names (also those that
// do not exist) and attributes never go stale by themselves. A year.
inline constexpr double kCacheSeconds = 365.0 * 24 * 3600;

// Thread-safe: `engine` is, and the rest is written by the INIT callback before any other request arrives.
struct Session {
  explicit Session(engine::Engine& the_engine) : engine(the_engine) {}

  engine::Engine& engine;
  // The kernel takes ENOSYS for "directories need no open", and sends neither OPENDIR nor RELEASEDIR from then on.
  bool opendir_unneeded = false;
  // Flags that the INIT reply must get on its way to the kernel; see init_hook.h.
  std::atomic<std::uint32_t> init_flags_missing{0};
};

inline Session& session_of(fuse_req_t req) { return *static_cast<Session*>(fuse_req_userdata(req)); }
inline engine::Engine& engine_of(fuse_req_t req) { return session_of(req).engine; }

}  // namespace ciaos::fuse
