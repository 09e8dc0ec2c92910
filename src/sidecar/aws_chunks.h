// A body in aws-chunked encoding: each chunk with its signature, which is verified before the next is read.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sidecar/body.h"
#include "sidecar/secrets.h"
#include "sidecar/sigv4.h"

namespace ciaos::sidecar {

inline constexpr std::uint64_t kAwsChunkBytesMax = 64u << 20;

class AwsChunks final : public ByteSource {
 public:
  // Without a key signatures are passed over: nobody asked who the client is. All outlive this.
  struct Check {
    const Signature* signature = nullptr;
    std::string key;  // signing_key()
    bool trailers_signed = false;
  };
  AwsChunks(ByteSource& from, Check check)
      : from_(from), check_(std::move(check)), sha256_(DigestKind::sha256) {
    if (check_.signature != nullptr) previous_ = check_.signature->signature;
  }

  // As ByteSource; bytes of a chunk are handed out before its signature was seen, so nothing is to be published before the end.
  Result<std::size_t> read(MutableByteSpan into) override;
  // After the end.
  const std::vector<std::pair<std::string, std::string>>& trailers() const { return trailers_; }

 private:
  Result<std::string> read_line();
  Status begin_chunk();
  Status end_chunk();
  Status read_trailers();

  ByteSource& from_;
  const Check check_;
  std::string previous_;
  std::string claimed_;
  Digester sha256_;
  std::uint64_t left_ = 0;
  bool in_chunk_ = false;
  bool ended_ = false;
  std::vector<std::pair<std::string, std::string>> trailers_;
};

}  // namespace ciaos::sidecar
