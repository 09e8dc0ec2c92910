// A body that has to be read whole before any of it can be used: in memory while it is small, else in a file without a name.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "sidecar/body.h"

namespace ciaos::sidecar {

class Spool {
 public:
  Spool() = default;
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  // EFBIG beyond `bytes_max`; ENOSPC; and the source's errors.
  Status take(ByteSource& source, std::uint64_t bytes_max);
  ByteSpan bytes() const { return mapped_.empty() ? ByteSpan(small_) : mapped_; }

 private:
  ByteVector small_;
  UniqueFd file_;
  ByteSpan mapped_;
};

}  // namespace ciaos::sidecar
