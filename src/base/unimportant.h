// A thread that gives way to everybody for a moment.
#pragma once

#include <sched.h>

#include <thread>

namespace ciaos {

// While it lives, the calling thread is one that the scheduler runs when nobody else wants the processor (SCHED_IDLE):
// whoever it wakes is put on its processor and runs there at once, as if that were idle. For a system call or two, and with
// no lock held: where others want the processor too, it may be a while until the thread goes on.
//
// REQUIRES: possible().
class Unimportant {
 public:
  Unimportant() { become(SCHED_IDLE); }
  ~Unimportant() { become(SCHED_OTHER); }
  Unimportant(const Unimportant&) = delete;
  Unimportant& operator=(const Unimportant&) = delete;

  // Whether threads like the calling one are ordinary ones, and may be so again afterwards, which is a privilege.
  static bool possible() {
    bool came_back = false;
    std::thread([&] {
      came_back = ::sched_getscheduler(0) == SCHED_OTHER && become(SCHED_IDLE) && become(SCHED_OTHER);
    }).join();
    return came_back;
  }

 private:
  static bool become(int policy) {
    const sched_param none{};
    return ::sched_setscheduler(0, policy, &none) == 0;
  }
};

}  // namespace ciaos
