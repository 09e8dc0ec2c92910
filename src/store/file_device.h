// A volume file, image file or block device through io_uring, with O_DIRECT where the filesystem below has it.
#pragma once

#include <memory>
#include <string>

#include "base/unique_fd.h"
#include "store/device.h"

namespace ciaos::store {

// Each thread that calls has one ring of its own (made at its first call, ended with the thread). Where io_uring is not
// to be had (ENOSYS, EPERM: seccomp, sysctl), plain pread and friends serve; uring_unavailable_reason() says why.
class FileDevice final : public Device {
 public:
  enum class Access { read_only, read_write };
  // Block devices are opened O_EXCL for writing. ENOENT, EACCES, EBUSY with the path in the context. O_DIRECT is
  // used unless the filesystem refuses it (tmpfs on old kernels); then the page cache serves and direct() is false.
  static Result<std::unique_ptr<FileDevice>> open(const std::string& path, Access access);

  // From now on the device ends there. REQUIRES: bytes <= size(); nobody else uses it yet.
  void end_at(std::uint64_t bytes);

  std::uint64_t size() const override;
  std::uint32_t alignment() const override;
  Status read(std::uint64_t offset, MutableByteSpan into) override;
  Status write(std::uint64_t offset, ByteSpan from) override;
  Status sync() override;
  Status discard(std::uint64_t offset, std::uint64_t bytes) override;
  Result<std::uint64_t> allocated_bytes() override;
  std::string name() const override { return path_; }
  int native_fd() const override { return fd_.get(); }
  Result<UniqueFd> descriptor_for_reading() const override;
  bool direct() const { return direct_; }
  bool is_block_device() const { return block_device_; }

 private:
  FileDevice() = default;
  std::string path_;
  UniqueFd fd_;
  std::uint64_t size_ = 0;
  std::uint32_t alignment_ = 4096;
  bool direct_ = true;
  bool block_device_ = false;
};

// Empty when io_uring works in this process.
std::string uring_unavailable_reason();

}  // namespace ciaos::store
