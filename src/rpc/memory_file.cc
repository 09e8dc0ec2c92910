#include "rpc/memory_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rpc/protocol.h"

namespace ciaos::rpc {

Result<ByteVector> read_memory(int memory, std::uint64_t offset, std::uint64_t length) {
  if (length == 0) return ByteVector();
  if (length > kMemoryBytesMax) return fail(EMSGSIZE, "more bytes than one request carries");
  // Only of memory does a read end soon whatever the peer does.
  struct stat about {};
  if (memory < 0 || ::fstat(memory, &about) != 0 || !S_ISREG(about.st_mode))
    return fail(EBADF, "no memory came along");
  if (::fcntl(memory, F_GET_SEALS) < 0) return fail(EBADF, "not a memory file");
  ByteVector bytes(length);
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t got =
        ::pread(memory, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (got <= 0) return fail(got < 0 ? errno : EPROTO, "memory that came along");
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

Status write_memory(int memory, ByteSpan bytes) {
  if (memory < 0 || ::fcntl(memory, F_GET_SEALS) < 0) return fail(EBADF, "no memory came along");
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t put = ::pwrite(memory, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (put <= 0) return fail(put < 0 ? errno : EPROTO, "memory that came along");
    done += static_cast<std::size_t>(put);
  }
  return {};
}

}  // namespace ciaos::rpc
