#include "store/file_device.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "store/format.h"
#include "store/uring.h"

namespace ciaos::store {

namespace {

// What the page cache is asked in where there is no direct I/O: the least that any device here is.
constexpr std::uint32_t kBufferedAlignment = 512;

struct Opened {
  UniqueFd fd;
  bool direct = true;
};

Result<Opened> open_direct(const std::string& path, int flags) {
  UniqueFd fd(::open(path.c_str(), flags | O_DIRECT | O_CLOEXEC));
  if (fd.valid()) return Opened{std::move(fd), true};
  if (errno != EINVAL) return fail(errno, path);
  fd = UniqueFd(::open(path.c_str(), flags | O_CLOEXEC));
  if (!fd.valid()) return fail(errno, path);
  return Opened{std::move(fd), false};
}

// 0: the kernel does not say.
std::uint32_t direct_alignment_of_file(int fd) {
#ifdef STATX_DIOALIGN
  struct statx answer {};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &answer) != 0) return 0;
  if ((answer.stx_mask & STATX_DIOALIGN) == 0) return 0;
  return std::max(answer.stx_dio_mem_align, answer.stx_dio_offset_align);
#else
  static_cast<void>(fd);
  return 0;
#endif
}

std::uint32_t alignment_of(int fd, bool block_device) {
  std::uint32_t alignment = 0;
  if (block_device) {
    int sector_bytes = 0;
    if (::ioctl(fd, BLKSSZGET, &sector_bytes) == 0 && sector_bytes > 0) {
      alignment = static_cast<std::uint32_t>(sector_bytes);
    }
  } else {
    alignment = direct_alignment_of_file(fd);
  }
  const bool known = std::has_single_bit(alignment) && alignment <= kBlockBytes;
  return known ? alignment : static_cast<std::uint32_t>(kBlockBytes);
}

}  // namespace

Result<std::unique_ptr<FileDevice>> FileDevice::open(const std::string& path, Access access) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return fail(errno, path);
  const bool block_device = S_ISBLK(status.st_mode);
  if (!block_device && !S_ISREG(status.st_mode))
    return fail(EINVAL, path + " is no file and no block device");

  int flags = access == Access::read_only ? O_RDONLY : O_RDWR;
  // On a block device O_EXCL asks that no filesystem is mounted on it and nobody else writes it exclusively.
  if (block_device && access == Access::read_write) flags |= O_EXCL;
  Opened opened = TRY(open_direct(path, flags));

  std::unique_ptr<FileDevice> device(new FileDevice());
  device->path_ = path;
  device->block_device_ = block_device;
  device->direct_ = opened.direct;
  device->alignment_ = opened.direct ? alignment_of(opened.fd.get(), block_device) : kBufferedAlignment;
  if (block_device) {
    if (::ioctl(opened.fd.get(), BLKGETSIZE64, &device->size_) != 0) return fail(errno, path);
  } else {
    if (::fstat(opened.fd.get(), &status) != 0) return fail(errno, path);
    device->size_ = static_cast<std::uint64_t>(status.st_size);
  }
  device->fd_ = std::move(opened.fd);
  return device;
}

void FileDevice::end_at(std::uint64_t bytes) {
  CIAOS_ASSERT(bytes <= size_);
  size_ = bytes;
}

std::uint64_t FileDevice::size() const { return size_; }

std::uint32_t FileDevice::alignment() const { return alignment_; }

Status FileDevice::read(std::uint64_t offset, MutableByteSpan into) {
  IoRequest request{.device = this, .operation = IoRequest::Operation::read, .offset = offset, .into = into};
  return run_all({&request, 1});
}

Status FileDevice::write(std::uint64_t offset, ByteSpan from) {
  IoRequest request{.device = this, .operation = IoRequest::Operation::write, .offset = offset, .from = from};
  return run_all({&request, 1});
}

// Data only: files of a store are preallocated, so no size changes that a reader would miss.
Status FileDevice::sync() {
  IoRequest request{.device = this, .operation = IoRequest::Operation::sync};
  return run_all({&request, 1});
}

Status FileDevice::discard(std::uint64_t offset, std::uint64_t bytes) {
  TRY_VOID(check_range(*this, offset, bytes));
  if (bytes == 0) return {};
  int answer = 0;
  if (block_device_) {
    std::uint64_t range[2] = {offset, bytes};
    answer = ::ioctl(fd_.get(), BLKDISCARD, range);
  } else {
    do {
      answer = ::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                           static_cast<off_t>(bytes));
    } while (answer != 0 && errno == EINTR);
  }
  if (answer == 0 || errno == EOPNOTSUPP || errno == ENOSYS) return {};
  return fail(EIO, fmt::format("{}: discard at {}+{}: {}", path_, offset, bytes, std::strerror(errno)));
}

Result<std::uint64_t> FileDevice::allocated_bytes() {
  if (block_device_) return size_;
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0) return fail(EIO, path_ + ": " + std::strerror(errno));
  return static_cast<std::uint64_t>(status.st_blocks) * 512;
}

// Opened anew, since a duplicate could be written through.
Result<UniqueFd> FileDevice::descriptor_for_reading() const {
  if (block_device_) return fail(ENOTSUP, path_);
  UniqueFd fd(::open(fmt::format("/proc/self/fd/{}", fd_.get()).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return fail(errno, path_);
  return fd;
}

std::string uring_unavailable_reason() { return ring_unavailable_reason(); }

}  // namespace ciaos::store
