// Under all that can fail: something with bytes that can be read, written and synced.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace ciaos::store {

// Thread-safe. Calls block. Errors: EIO where the device refused (its own errno goes into the context), EINVAL for a
// range outside [0, size()) or off alignment().
class Device {
 public:
  virtual ~Device() = default;

  virtual std::uint64_t size() const = 0;
  // Offsets, lengths and memory of read and write are multiples of this; a power of two, at most kBlockBytes.
  virtual std::uint32_t alignment() const = 0;
  virtual Status read(std::uint64_t offset, MutableByteSpan into) = 0;
  virtual Status write(std::uint64_t offset, ByteSpan from) = 0;
  // On return everything written by calls that had returned before this one began survives a power cut. After an
  // error nothing is known about any of it, and it must not be called again in the hope of better news.
  virtual Status sync() = 0;
  // The range's content is no longer wanted: its space goes back (hole punch, TRIM). What it reads afterwards is
  // unspecified. Not supported is success: it is advice.
  virtual Status discard(std::uint64_t offset, std::uint64_t bytes) = 0;
  // Bytes that it takes from whatever it lies on: less than size() where holes were punched.
  virtual Result<std::uint64_t> allocated_bytes() { return size(); }
  // For messages.
  virtual std::string name() const = 0;
  // For handing bytes over without copying, and for batches in one ring; -1 where there is none.
  virtual int native_fd() const { return -1; }
  // Where this device's first byte lies in native_fd(): a volume of a raw store is a slice of its disk.
  virtual std::uint64_t native_offset() const { return 0; }
  // A descriptor of this device's bytes and no others, which can be read, through the page cache, and not written: for another
  // process. ENOTSUP: there is none such.
  virtual Result<UniqueFd> descriptor_for_reading() const { return fail(ENOTSUP, name()); }
};

// What every implementation asks first: EINVAL unless the range lies inside the device and on its alignment.
Status check_range(const Device& device, std::uint64_t offset, std::uint64_t bytes);

// One step of a batch. Only the fields of its operation are looked at.
struct IoRequest {
  enum class Operation { read, write, sync };
  Device* device = nullptr;
  Operation operation = Operation::read;
  std::uint64_t offset = 0;
  MutableByteSpan into;
  ByteSpan from;
  Status status = fail(EINPROGRESS);
};

// Runs all of them, as parallel as the devices allow, and returns when all have ended. No order among them. Each
// request's status says how it went; the result is the first error or success.
Status run_all(std::span<IoRequest> requests);

// Memory for direct I/O, zeroed, aligned to kBlockBytes.
class IoBuffer {
 public:
  IoBuffer() = default;
  explicit IoBuffer(std::size_t bytes);
  MutableByteSpan span() { return {data_.get(), bytes_}; }
  ByteSpan span() const { return {data_.get(), bytes_}; }
  std::byte* data() { return data_.get(); }
  const std::byte* data() const { return data_.get(); }
  std::size_t size() const { return bytes_; }

 private:
  struct Free {
    void operator()(std::byte* p) const;
  };
  std::unique_ptr<std::byte, Free> data_;
  std::size_t bytes_ = 0;
};

}  // namespace ciaos::store
