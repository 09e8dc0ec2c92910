// One packet in, one packet out, with at most one descriptor.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace ciaos::rpc {

struct Packet {
  std::size_t bytes = 0;
  UniqueFd memory;  // that came with it
};

// Blocks. ECONNRESET at the end of the connection; EMSGSIZE for a packet that does not fit `into`, or more than one descriptor.
Result<Packet> receive_packet(int socket, MutableByteSpan into);
// Blocks for as long as the socket's send timeout lets it. `memory` may be -1.
Status send_packet(int socket, std::string_view bytes, int memory);

}  // namespace ciaos::rpc
