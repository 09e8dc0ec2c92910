// The body of a request, as its bytes come: by length, or in chunks (RFC 9112, section 7.1).
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "sidecar/connection.h"
#include "sidecar/http_head.h"

namespace ciaos::sidecar {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Some bytes; 0 at the end. EPROTO: no chunks; ECONNRESET: it ended too early; ETIMEDOUT: it comes too slowly; EBADMSG: a
  // signature or a checksum is wrong.
  virtual Result<std::size_t> read(MutableByteSpan into) = 0;
};

// Fills `into` unless the end comes first.
Result<std::size_t> read_full(ByteSource& source, MutableByteSpan into);

class Body final : public ByteSource {
 public:
  // Both outlive the body.
  Body(Connection& connection, const HttpHead& head);
  Result<std::size_t> read(MutableByteSpan into) override;
  // Reads and forgets what is left, so that the peer reads the answer. False: there is too much of it, or it does not come; the
  // connection is good for nothing more.
  bool drain();
  // That came, as they were sent.
  std::uint64_t bytes() const { return bytes_; }

 private:
  Result<std::size_t> read_piece(MutableByteSpan into);
  Result<std::string> read_line();
  Status next_chunk();

  Connection& connection_;
  const bool chunked_;
  bool owes_continue_;
  bool ended_ = false;
  bool failed_ = false;
  bool in_chunk_ = false;
  std::uint64_t left_ = 0;  // of the body, or of the chunk
  std::uint64_t began_ms_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace ciaos::sidecar
