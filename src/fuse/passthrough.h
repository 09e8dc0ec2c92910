// Large files that the kernel reads by itself: FUSE passthrough (Linux 6.9, Documentation/filesystems/fuse/fuse-passthrough.rst).
//
// Whoever opens a file while others have it open gets it as they do, since the kernel knows one way for a file at a time; the
// other gets EIO. So the first one decides, by whether there is a twin (engine/twin.h):
//
//   nobody ---> N opens through the page cache ---+
//      \------> N opens of the twin --------------+--> nobody
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <unordered_map>

#include "base/mutex.h"
#include "engine/engine.h"
#include "fuse/libfuse.h"

namespace ciaos::fuse {

struct Session;

// What an open that goes to a twin is answered with as its handle, and RELEASE brings back.
inline constexpr std::uint64_t kPassedHandle = 1;

// Whether the kernel, this process and the store are able to; the error says which is not.
Status check_passthrough(const Session& session);

// Thread-safe.
class Passthrough {
 public:
  // `session` is open until end().
  Passthrough(engine::Engine& engine, fuse_session* session);
  ~Passthrough();

  // Of a file that was opened for reading: the kernel's number of its twin; 0 for the page cache. Either way one closed()
  // follows.
  std::int32_t opened(const engine::Attributes& file) EXCLUDES(mutex_);
  void closed(InodeId inode, std::uint64_t handle) EXCLUDES(mutex_);
  // No request comes any more. While the session is still open. `abort` ends the connection: pages that are to be dropped may
  // wait for an answer that nobody gives.
  void end(const std::function<void()>& abort) EXCLUDES(mutex_);
  // Opens that go to twins now.
  std::uint64_t passed() const EXCLUDES(mutex_);

 private:
  class Backing;
  struct File {
    std::uint64_t cached = 0;
    std::uint64_t passed = 0;
    std::unique_ptr<Backing> backing;  // while `passed` is not 0
  };

  // What is done while nobody waits for it: pages that twins have as well are dropped from FUSE's page cache, and twins made
  // whole.
  struct Chore {
    InodeId inode;
    std::uint64_t begin = 0;  // of pages to be dropped
    std::uint64_t end = 0;    // 0: the twin is to be finished
  };
  void add(const Chore& chore) EXCLUDES(mutex_);
  void work() EXCLUDES(mutex_);
  bool goes_on() const EXCLUDES(mutex_);

  engine::Engine& engine_;
  fuse_session* const session_;
  mutable Mutex mutex_;
  CondVar more_;
  CondVar done_;
  std::deque<Chore> chores_ GUARDED_BY(mutex_);
  bool ending_ GUARDED_BY(mutex_) = false;
  bool ended_ GUARDED_BY(mutex_) = false;
  std::unordered_map<InodeId, File> files_ GUARDED_BY(mutex_);
  bool refused_ GUARDED_BY(mutex_) = false;  // by the kernel, which says so once
  std::thread worker_;
};

}  // namespace ciaos::fuse
