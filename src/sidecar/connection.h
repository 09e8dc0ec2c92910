// One client's socket: bytes in with a deadline, bytes out with a deadline.
//
// Between requests nobody waits for it but epoll; while a request is handled it belongs to that worker.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "sidecar/tls.h"

namespace ciaos::sidecar {

inline constexpr int kReadTimeoutMs = 20'000;
inline constexpr int kWriteTimeoutMs = 30'000;
// A body that comes slower than this, once it had its time to begin, is given up.
inline constexpr std::uint64_t kBodyBytesPerSecondMin = 1024;
inline constexpr std::uint64_t kBodySlowGraceMs = 20'000;

class Connection {
 public:
  // With `tls`, everything that travels is encrypted.
  explicit Connection(UniqueFd fd, std::unique_ptr<Tls> tls = nullptr)
      : fd_(std::move(fd)), tls_(std::move(tls)) {}

  int fd() const { return fd_.get(); }
  // The other end's address, without its port.
  std::string peer() const;
  bool is_secure() const { return tls_ != nullptr; }
  // Whether something has come that the descriptor does not tell of: fill() has it.
  bool has_pending() const { return tls_ != nullptr && tls_->has_pending(); }
  std::string& buffered() { return buffered_; }

  // What has come, without waiting, into buffered(). EAGAIN: nothing; ECONNRESET: the peer has ended.
  Status fill();
  // Waits for some bytes; those in buffered() first. 0: the peer ended what it sends. ETIMEDOUT.
  Result<std::size_t> read(MutableByteSpan into);
  // All of both. ETIMEDOUT, EPIPE.
  Status write(std::string_view head, ByteSpan body = {});

  // Written by the worker, read by the sweeper: when the last byte or reply was seen, and for how long it may be quiet.
  std::atomic<std::uint64_t> active_ms{0};
  std::atomic<bool> in_request{false};
  std::atomic<bool> in_head{false};

 private:
  Status fill_decrypted();
  Result<std::size_t> receive(MutableByteSpan into);
  Status write_encrypted(ByteSpan bytes);

  UniqueFd fd_;
  std::unique_ptr<Tls> tls_;  // ends before its descriptor does
  std::string buffered_;
};

}  // namespace ciaos::sidecar
