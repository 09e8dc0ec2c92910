// One mount: from mount(2) until the last request is answered.
//
//   mount() -+-> run() ----+----> unmounted by somebody --+---> run() returns ---> ~FuseServer
//                  |       +----> stop() -----------------+
//                  +--> on_ready, once the mount answers
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/command_ring.h"
#include "base/mutex.h"
#include "base/result.h"
#include "engine/engine.h"
#include "fuse/open_mode.h"
#include "fuse/request_times.h"
#include "fuse/rings.h"

namespace ciaos::fuse {

struct ServerOptions {
  std::string mountpoint;  // absolute: the process may change its directory
  std::vector<std::string>
      options;  // as `mount -o` and libfuse know them: allow_other, fsname=..., ro, nodev
  unsigned threads_max = 16;
  OpenMode open_mode = OpenMode::automatic;
  Rings rings = Rings::automatic;
  CommandRingMaker make_ring;  // none: no rings
  std::uint64_t slow_ns = 0;   // requests that take this long are logged; 0: none
};

// What mount() would be refused for before anything is tried: so that a store need not be opened, and so changed, for a mount
// that cannot be.
Status check_mountable(const std::string& mountpoint);

class FuseServer {
 public:
  // Mounts; requests wait until run(). The errors say which of the steps refused: ENODEV there is no /dev/fuse, EACCES or EPERM
  // it may not be opened, ENOENT and ENOTDIR the mountpoint, EINVAL an option. As another user than root it is fusermount3
  // that mounts: EPERM with its words, if it would not.
  static Result<std::unique_ptr<FuseServer>> mount(const ServerOptions& options);
  ~FuseServer();

  // Tells the kernel what changed without its asking: for Engine::watch(). Until the server ends.
  engine::Watch watch();

  // Instead of run(), and before it is called: takes the mount away again. Who waited for an answer gets ENOTCONN. From any
  // thread.
  void give_up();

  // Answers requests with several threads until the mount has ended, and takes the mount away if it is still there; but nothing
  // that somebody mounted over it: then only the connection is closed. Calls
  // `on_ready` once, from another thread, as soon as the mount has answered, or with the error that it gave instead.
  // `engine` outlives the server.
  Status run(engine::Engine& engine, const std::function<void(const Status&)>& on_ready);

  // Writes back what programs have in shared mappings, unmounts, and makes run() return, even if files are open: whoever
  // has one gets ENOTCONN from then on. Returns when run() is about to. For any thread but run()'s; not for signal handlers.
  void stop();

  // How requests come: "rings" or "/dev/fuse".
  std::string transport() const;
  // Whether the kernel tells of files that are opened.
  bool opens_are_told() const;
  // Opens of files that the kernel reads by itself.
  std::uint64_t passed_files() const;
  // What requests took, see request_times.h. Empty where libfuse lets nobody look.
  RequestTimes& times();
  // What the kernel has asked so far, as RequestCounts::text(). Empty where libfuse lets nobody look.
  std::string requests() const;

 private:
  struct State;
  explicit FuseServer(std::unique_ptr<State> state);
  void announce(const std::function<void(const Status&)>& on_ready);
  std::unique_ptr<State> state_;
};

}  // namespace ciaos::fuse
