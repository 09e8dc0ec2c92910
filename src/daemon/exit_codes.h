// How ciaosfs ends; the manual page has the same table. mount(8) knows these numbers and adds others of its own.
#pragma once

namespace ciaos::daemon {

enum class ExitCode : int {
  success = 0,
  // The command line or an option is wrong. Of a process in the foreground, at its end: something that was not fsynced
  // may be lost, and the log says why.
  usage = 1,
  // The system lacks something: /dev/fuse, a permission, memory, processes.
  system = 2,
  // This store cannot be mounted at this place.
  failure = 32,
};

}  // namespace ciaos::daemon
