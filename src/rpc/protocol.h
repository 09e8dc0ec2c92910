// The local protocol's limits, and its messages as the engine's types.
//
// A packet of a SOCK_SEQPACKET socket is one message; bulk data travels in a memory file whose descriptor comes with the packet.
// The daemon copies out of it, and into it, with pread(2) and pwrite(2): a peer that shrinks or rewrites it meanwhile harms its
// own data only, and what is written is what was summed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "base/uuid.h"
#include "engine/leases.h"
#include "engine/object_types.h"
#include "rpc/record.h"

namespace ciaos::rpc {

namespace wire {
struct RequestT;
struct ReplyT;
struct NotesT;
struct OwnerT;
struct ConditionT;
struct InfoT;
struct EntryT;
struct RecordT;
struct Piece;
}  // namespace wire

inline constexpr std::uint32_t kProtocolVersion = 1;
inline constexpr std::size_t kPacketBytesMax = 160 * 1024;
inline constexpr std::size_t kMemoryBytesMax = 64u << 20;  // of one request
inline constexpr std::size_t kElementsMax = (32u << 20) / sizeof(std::uint64_t);
inline constexpr std::size_t kRequestsInFlightMax =
    64;  // of one connection; what comes beyond waits in the socket
inline constexpr std::size_t kConnectionsMax = 64;
inline constexpr std::size_t kHandlesMax = 4096;  // files that one connection has open or staged
inline constexpr std::size_t kPiecesMax = 256;    // of one reply
inline constexpr std::uint64_t kLeasedBytesMax = 64u
                                                 << 20;  // of one reply, of what is longer than was asked for
inline constexpr std::uint64_t kSendTimeoutMs = 10'000;

// nullptr unless `bytes` are one whole message of the kind. Reads no further than `bytes` whatever they hold.
std::unique_ptr<wire::RequestT> parse_request(ByteSpan bytes);
std::unique_ptr<wire::ReplyT> parse_reply(ByteSpan bytes);
std::string pack(const wire::RequestT& request);
std::string pack(const wire::ReplyT& reply);

std::unique_ptr<wire::NotesT> wire_of(const engine::ObjectNotes& notes);
std::unique_ptr<wire::OwnerT> wire_of(const engine::ObjectOwner& owner);
std::unique_ptr<wire::ConditionT> wire_of(const engine::ObjectCondition& condition);
std::unique_ptr<wire::InfoT> wire_of(const engine::ObjectInfo& info);
std::unique_ptr<wire::RecordT> wire_of(const Record& record);
wire::Piece wire_of(const engine::LeasedPiece& piece);
// Absent parts have their defaults.
engine::ObjectNotes notes_of(const std::unique_ptr<wire::NotesT>& notes);
engine::ObjectOwner owner_of(const std::unique_ptr<wire::OwnerT>& owner);
engine::ObjectCondition condition_of(const std::unique_ptr<wire::ConditionT>& condition);
engine::ObjectInfo info_of(const std::unique_ptr<wire::InfoT>& info);
engine::LeasedPiece piece_of(const wire::Piece& piece);
Record record_of(const std::unique_ptr<wire::RecordT>& record);

// Where the daemon of a store listens: below /run for root's, below XDG_RUNTIME_DIR for a user's own, which may be missing.
Result<std::string> socket_path(const Uuid& store);

}  // namespace ciaos::rpc
