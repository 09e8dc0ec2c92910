// Bytes on their way to the daemon: small ones in one message, others staged piece by piece.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "rpc/client.h"
#include "sidecar/body.h"
#include "sidecar/exchange.h"

namespace ciaos::sidecar {

// Ends what it staged unless somebody published it. Not thread-safe.
class Upload {
 public:
  Upload(rpc::Client& client, Worker& worker, const engine::ObjectOwner& owner)
      : client_(client), worker_(worker), owner_(owner) {}
  ~Upload();
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;

  // `seen` is shown every piece.
  Status take(ByteSource& source, const std::function<void(ByteSpan)>& seen);
  Status add(ByteSpan bytes);
  // What a verb needs that publishes it; a verb takes it, whether it succeeds or not.
  Result<rpc::Source> finish(const std::vector<std::uint64_t>& elements = {});
  std::uint64_t bytes() const { return staged_bytes_ + held_; }

 private:
  Status flush();

  rpc::Client& client_;
  Worker& worker_;
  const engine::ObjectOwner owner_;
  InodeId staged_;
  std::uint64_t staged_bytes_ = 0;
  std::size_t held_ = 0;  // in the worker's memory
  std::unique_ptr<rpc::Memory> elements_;
};

}  // namespace ciaos::sidecar
