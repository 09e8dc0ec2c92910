#include "fuse/ring_entry.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace ciaos::fuse {
namespace {

constexpr std::size_t kEntryAlignment = 4096;
constexpr std::size_t kRoomInFront = 2 * kEntryAlignment;

}  // namespace

Result<RingEntry> RingEntry::make(std::size_t payload_bytes) {
  RingEntry entry;
  const std::size_t bytes = kRoomInFront + payload_bytes;
  // Touched only as far as requests reach: an idle entry takes two pages.
  void* const memory =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return fail(errno, "memory of a ring");
  entry.memory_ = static_cast<std::byte*>(memory);
  entry.payload_bytes_ = payload_bytes;
  entry.parts_[0] = {memory, sizeof(RingHeaders)};
  entry.parts_[1] = {entry.payload(), payload_bytes};
  return entry;
}

RingEntry::RingEntry(RingEntry&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)),
      payload_bytes_(other.payload_bytes_),
      parts_{other.parts_[0], other.parts_[1]} {}

RingEntry::~RingEntry() {
  if (memory_ != nullptr) ::munmap(memory_, kRoomInFront + payload_bytes_);
}

std::byte* RingEntry::payload() const { return memory_ + kRoomInFront; }
std::uint64_t RingEntry::commit_id() const { return headers().entry.commit_id; }

ByteSpan RingEntry::request() {
  answered_ = false;
  std::memcpy(&header_, headers().in_out, sizeof header_);
  const std::size_t in_payload = headers().entry.payload_bytes;
  if (in_payload > payload_bytes_ || header_.len < sizeof header_ + in_payload) return {};
  const std::size_t of_kind = header_.len - sizeof header_ - in_payload;
  if (of_kind > sizeof headers().of_kind) return {};
  std::byte* const begin = payload() - of_kind - sizeof header_;
  std::memcpy(begin, &header_, sizeof header_);
  std::memcpy(begin + sizeof header_, headers().of_kind, of_kind);
  return {begin, header_.len};
}

void RingEntry::take(const iovec* parts, int count) {
  fuse_out_header header{};
  std::memcpy(&header, parts[0].iov_base, sizeof header);
  std::size_t done = 0;
  const auto append = [&](const void* from, std::size_t bytes) {
    if (bytes > payload_bytes_ - done) return;  // more than was asked for: the kernel refuses the length
    if (from != payload() + done) std::memmove(payload() + done, from, bytes);
    done += bytes;
  };
  append(static_cast<const std::byte*>(parts[0].iov_base) + sizeof header, parts[0].iov_len - sizeof header);
  for (int i = 1; i < count; ++i) append(parts[i].iov_base, parts[i].iov_len);
  put_header(header, done);
}

void RingEntry::answer(const Result<std::size_t>& bytes) {
  fuse_out_header header{};
  header.unique = header_.unique;
  header.error = bytes ? 0 : -bytes.code();
  const std::size_t count = bytes ? *bytes : 0;
  header.len = static_cast<std::uint32_t>(sizeof header + count);
  put_header(header, count);
}

void RingEntry::put_header(const fuse_out_header& header, std::size_t payload_bytes) {
  std::memcpy(headers().in_out, &header, sizeof header);
  headers().entry.payload_bytes = static_cast<std::uint32_t>(payload_bytes);
  answered_ = true;
}

}  // namespace ciaos::fuse
