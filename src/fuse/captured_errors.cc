#include "fuse/captured_errors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace ciaos::fuse {

CapturedErrors::CapturedErrors() : memory_(::memfd_create("stderr", MFD_CLOEXEC)) {
  if (!memory_.valid()) return;
  standard_ = UniqueFd(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (standard_.valid()) ::dup2(memory_.get(), STDERR_FILENO);
}

std::string CapturedErrors::taken() {
  if (!standard_.valid()) return "";
  ::dup2(standard_.get(), STDERR_FILENO);
  standard_.reset();
  char buffer[1024];
  const ssize_t got = ::pread(memory_.get(), buffer, sizeof buffer, 0);
  std::string text;
  for (ssize_t i = 0; i < got; ++i) {
    if (buffer[i] != '\n') {
      text.push_back(buffer[i]);
    } else if (i + 1 < got) {
      text += "; ";
    }
  }
  return text;
}

}  // namespace ciaos::fuse
