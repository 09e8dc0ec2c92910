#include "sidecar/turns.h"

#include <utility>

namespace ciaos::sidecar {
namespace {

// Whose turn this thread has; a thread works for one server.
thread_local Turns* turn_of_thread = nullptr;

}  // namespace

void Turns::take() {
  if (turn_of_thread == this) return;
  MutexLock lock(mutex_);
  while (left_ == 0) given_.wait(mutex_);
  --left_;
  turn_of_thread = this;
}

void Turns::about_to_wait() {
  if (Turns* had = std::exchange(turn_of_thread, nullptr)) had->give();
}

void Turns::give() {
  MutexLock lock(mutex_);
  ++left_;
  given_.notify_one();
}

}  // namespace ciaos::sidecar
