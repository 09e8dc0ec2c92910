#include "sidecar/spool.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <string>

namespace ciaos::sidecar {
namespace {

constexpr std::size_t kSmallBytes = 4u << 20;

Status write_all(int fd, ByteSpan bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0) return fail(errno, "a file for a large body");
    bytes = bytes.subspan(static_cast<std::size_t>(put));
  }
  return {};
}

}  // namespace

Spool::~Spool() {
  if (!mapped_.empty()) ::munmap(const_cast<std::byte*>(mapped_.data()), mapped_.size());
}

Status Spool::take(ByteSource& source, std::uint64_t bytes_max) {
  ByteVector piece(256 * 1024);
  std::uint64_t taken = 0;
  while (true) {
    const std::size_t count = TRY(read_full(source, piece));
    taken += count;
    if (taken > bytes_max) return fail(EFBIG);
    const ByteSpan bytes = ByteSpan(piece).first(count);
    if (!file_.valid() && taken <= kSmallBytes) {
      small_.insert(small_.end(), bytes.begin(), bytes.end());
    } else {
      if (!file_.valid()) {
        const char* folder = ::getenv("TMPDIR");
        const std::string place = folder == nullptr ? "/var/tmp" : folder;
        file_ = UniqueFd(::open(place.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
        if (!file_.valid()) return fail(errno, place);
        TRY_VOID(write_all(file_.get(), small_));
        small_ = {};
      }
      TRY_VOID(write_all(file_.get(), bytes));
    }
    if (count < piece.size()) break;
  }
  if (!file_.valid()) return {};
  void* at = ::mmap(nullptr, taken, PROT_READ, MAP_PRIVATE, file_.get(), 0);
  if (at == MAP_FAILED) return fail(errno, "a file for a large body");
  mapped_ = {static_cast<const std::byte*>(at), taken};
  return {};
}

}  // namespace ciaos::sidecar
