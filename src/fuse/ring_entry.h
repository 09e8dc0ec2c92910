// One place for one request of the kernel in a ring of FUSE over io_uring: what include/uapi/linux/fuse.h of Linux 6.14
// (protocol 7.42) says, which Debian 12's header does not, and the memory behind it.
//
//   | page: RingHeaders | page: room in front of the payload | payload: as long as the largest request |
//
// A request comes in three pieces: its header, the struct of its kind, and the rest (names, data) in the payload. Everybody
// who takes requests off /dev/fuse expects them in one piece, so header and struct are moved to directly in front of the
// payload, which stays where it is. An answer goes the same way: its header, and all else in the payload.
#pragma once

#include <linux/fuse.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/result.h"
#include "fuse/reply_channel.h"

namespace ciaos::fuse {

struct RingEntryInOut {  // fuse_uring_ent_in_out
  std::uint64_t flags = 0;
  std::uint64_t commit_id = 0;
  std::uint32_t payload_bytes = 0;
  std::uint32_t padding = 0;
  std::uint64_t reserved = 0;
};
struct RingHeaders {  // fuse_uring_req_header
  std::byte in_out[128];
  std::byte of_kind[128];
  RingEntryInOut entry;
};
static_assert(sizeof(RingHeaders) == 288);

struct RingCommandBody {  // fuse_uring_cmd_req
  std::uint64_t flags = 0;
  std::uint64_t commit_id = 0;
  std::uint16_t queue = 0;
  std::uint8_t padding[6] = {};
};
static_assert(sizeof(RingCommandBody) == 24);

inline constexpr std::uint32_t kRingRegister = 1;
inline constexpr std::uint32_t kRingCommitAndFetch = 2;

class RingEntry final : public ReplySink {
 public:
  static Result<RingEntry> make(std::size_t payload_bytes);
  RingEntry(RingEntry&& other) noexcept;
  RingEntry& operator=(RingEntry&&) = delete;
  ~RingEntry() override;

  // What registering tells the kernel: headers and payload.
  const iovec* parts() const { return parts_; }
  // The request that lies here, in one piece; empty when the kernel wrote nonsense. Once for each request.
  ByteSpan request();
  std::uint64_t commit_id() const;
  std::uint64_t unique() const { return header_.unique; }
  const fuse_in_header& header() const { return header_; }

  void take(const iovec* parts, int count) override;
  MutableByteSpan memory() override { return {payload(), payload_bytes_}; }
  // An answer whose bytes lie in memory() already, or an errno.
  void answer(const Result<std::size_t>& bytes);
  bool answered() const { return answered_; }
  // Of the answer, with its header; 0 while there is none.
  std::size_t reply_bytes() const {
    return answered_ ? sizeof(fuse_out_header) + headers().entry.payload_bytes : 0;
  }

 private:
  RingEntry() = default;
  RingHeaders& headers() const { return *reinterpret_cast<RingHeaders*>(memory_); }
  std::byte* payload() const;
  void put_header(const fuse_out_header& header, std::size_t payload_bytes);

  std::byte* memory_ = nullptr;
  std::size_t payload_bytes_ = 0;
  iovec parts_[2] = {};
  fuse_in_header header_{};
  bool answered_ = false;
};

}  // namespace ciaos::fuse
