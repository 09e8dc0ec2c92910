// Files that were closed while some of what was written to them was still in memory. Nobody is likely to add to it, so
// a thread of its own makes needles of it while others go on writing: once enough waits, for what is deleted soon after is
// not worth a needle.
#pragma once

#include <thread>
#include <vector>

#include "base/mutex.h"
#include "engine/core.h"
#include "engine/files.h"

namespace ciaos::engine {

// Thread-safe; its mutex is a leaf.
class ClosedFiles {
 public:
  ClosedFiles(Core& core, Files& files);
  // Calls stop().
  ~ClosedFiles();
  void start() EXCLUDES(mutex_);
  void stop() EXCLUDES(mutex_);

  // Never waits.
  void add(InodeId inode) EXCLUDES(mutex_);

 private:
  void run() EXCLUDES(mutex_);
  bool is_enough() const REQUIRES(mutex_);

  Core& core_;
  Files& files_;

  Mutex mutex_;
  CondVar enough_;
  std::vector<InodeId> waiting_ GUARDED_BY(mutex_);
  bool running_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace ciaos::engine
