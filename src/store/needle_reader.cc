#include "store/needle_reader.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/clock.h"
#include "store/header_cache.h"
#include "store/needles_ahead.h"
#include "store/read_memory.h"
#include "store/read_ring.h"
#include "store/uring.h"

namespace ciaos::store {
namespace {

// Header and payload come in one read if that is not longer than this: two short reads cost more than one long one.
constexpr std::uint64_t kOneReadBytes = 256u << 10;
// With a header at hand a read need not begin at the needle's first byte; for a needle of fewer bytes that saves
// nothing.
constexpr std::uint32_t kCachedPayloadBytesMin = 4 * kBlockBytes;
// What a read brings in front of the wanted bytes, if those are to go where they are wanted: the header, or a piece of it.
constexpr std::uint64_t kHeadBytesMax = 16u << 10;
// Longer reads (of snapshots and txn needles) bring their own buffer.
constexpr std::size_t kScratchBytes = (1u << 20) + (64u << 10);

// Where the wanted bytes lie, in whole pieces, from the volume's first byte.
struct Span {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

// Memory for direct I/O that is used for one read at a time.
class Scratch {
 public:
  MutableByteSpan get(std::size_t bytes) {
    if (bytes <= kScratchBytes) {
      thread_local IoBuffer kept;
      if (kept.size() == 0) {
        kept = IoBuffer(kScratchBytes);
        register_memory(kept.span());
      }
      return kept.span().first(bytes);
    }
    own_ = IoBuffer(bytes);
    return own_.span();
  }

 private:
  IoBuffer own_;
};

IoRequest read_request(Device& device, std::uint64_t offset, MutableByteSpan into) {
  IoRequest request;
  request.device = &device;
  request.offset = offset;
  request.into = into;
  return request;
}

// The blocks of a needle's header, on their way.
struct HeaderRead {
  NeedlePlace place;
  std::shared_ptr<Device> device;
  IoBuffer memory;
  IoRequest request;
  ByteSpan bytes() const { return memory.span().subspan(place.at.offset - request.offset); }
};

Span wanted_of(const NeedlePlace& place, std::uint64_t offset, std::size_t bytes) {
  const std::uint64_t payload_at = payload_position(place.at.offset, place.payload_bytes);
  return {payload_at + offset, payload_at + offset + bytes};
}

// What has to be there to verify them.
Span pieces_of(const NeedlePlace& place, std::uint64_t offset, std::size_t bytes) {
  const std::uint64_t payload_at = payload_position(place.at.offset, place.payload_bytes);
  return {payload_at + align_down(offset, kBlockBytes),
          payload_at + std::min<std::uint64_t>(align_up(offset + bytes, kBlockBytes), place.payload_bytes)};
}

// The whole pieces that the device reads for [begin, end).
Span blocks_of(const Device& device, std::uint64_t begin, std::uint64_t end) {
  return {align_down(begin, device.alignment()),
          std::min<std::uint64_t>(align_up(end, device.alignment()), device.size())};
}

// A place comes from a row, which may be damaged.
Status check_bounds(const Device& device, const NeedlePlace& place) {
  const bool inside =
      place.at.offset % kNeedleAlignment == 0 && place.at.offset <= device.size() &&
      payload_position(place.at.offset, place.payload_bytes) + place.payload_bytes <= device.size() &&
      place.payload_bytes <= kTxnPayloadBytesMax;
  if (!inside) return fail(EUCLEAN, "a needle's place is out of its volume's bounds");
  return {};
}

}  // namespace

struct NeedleReader::State {
  State(VolumeSet& set, const Uuid& uuid, LogWriter* writer, std::uint64_t header_cache_bytes)
      : volumes(set), store(uuid), unwritten(writer), headers(header_cache_bytes) {}

  VolumeSet& volumes;
  const Uuid store;
  LogWriter* const unwritten;
  HeaderCache headers;
  // In this order: what is under way ends with the ring, and gives its memory back.
  ReadMemory memory{NeedleReader::kAheadBytesMax};
  NeedlesAhead ahead;
  ReadRing ring;
  std::atomic<std::uint64_t> device_reads = 0;
  std::atomic<std::uint64_t> device_read_bytes = 0;
  std::atomic<std::uint64_t> device_read_ns = 0;
  std::atomic<std::uint64_t> verify_ns = 0;
  std::atomic<std::uint64_t> header_cache_hits = 0;
  std::atomic<std::uint64_t> reads_ahead = 0;
  std::atomic<std::uint64_t> reads_ahead_wanted = 0;
  std::atomic<std::uint64_t> damaged = 0;

  std::optional<IoBuffer> memory_for(std::size_t bytes);
  std::shared_ptr<StartedRead> made_read(std::shared_ptr<Device> device, const Span& blocks);
  std::shared_ptr<StartedRead> made_read_into(std::shared_ptr<Device> device, const Span& blocks,
                                              const Span& pieces, const Span& wanted, MutableByteSpan room);
  void note_started(const StartedRead& read);
  bool read_from_ahead(const NeedlePlace& place, const Span& pieces, const Span& wanted,
                       MutableByteSpan into);
  Status take(const StartedRead& read, const NeedlePlace& place, const Span& pieces, const Span& wanted,
              MutableByteSpan into);
  Status read_device(const NeedlePlace& place, std::uint64_t offset, MutableByteSpan into);
  Status run(std::span<IoRequest> requests);
  Status with_header_near(Device& device, const NeedlePlace& place, const Span& pieces, const Span& wanted,
                          MutableByteSpan into);
  Status with_header_apart(Device& device, const NeedlePlace& place, const Span& pieces, const Span& wanted,
                           std::shared_ptr<const NeedleHeader> header, MutableByteSpan into);
  Result<std::shared_ptr<const NeedleHeader>> header_from(const NeedlePlace& place, ByteSpan bytes);
  Result<HeaderRead> header_read(const NeedlePlace& place);
  Result<std::shared_ptr<const NeedleHeader>> header_of(const NeedlePlace& place);
  Status verify(const NeedleHeader& header, const Span& pieces, ByteSpan bytes);
};

Status NeedleReader::State::run(std::span<IoRequest> requests) {
  device_reads += requests.size();
  for (const IoRequest& request : requests) device_read_bytes += request.into.size();
  const std::uint64_t begun_ns = monotonic_ns();
  Status status = requests.size() == 1 ? requests[0].device->read(requests[0].offset, requests[0].into)
                                       : run_all(requests);
  device_read_ns += monotonic_ns() - begun_ns;
  return status;
}

Result<std::shared_ptr<const NeedleHeader>> NeedleReader::State::header_from(const NeedlePlace& place,
                                                                             ByteSpan bytes) {
  auto header = decode_needle_header(store, place.at, bytes);
  const bool none = header.code() == ENODATA || header.code() == EMSGSIZE;
  if (none || (header.ok() && header->place() != place)) {
    return fail(EUCLEAN, "another needle, or none, at " + std::to_string(place.at.offset) + " of volume " +
                             std::to_string(place.at.volume.value()));
  }
  auto shared = std::make_shared<const NeedleHeader>(TRY(std::move(header)));
  if (place.payload_bytes > kCachedPayloadBytesMin) headers.put(shared);
  return std::shared_ptr<const NeedleHeader>(std::move(shared));
}

Result<std::shared_ptr<const NeedleHeader>> NeedleReader::State::header_of(const NeedlePlace& place) {
  auto known = headers.find(place);
  if (known != nullptr) {
    ++header_cache_hits;
    return known;
  }
  HeaderRead read = TRY(header_read(place));
  TRY_VOID(run({&read.request, 1}));
  return header_from(place, read.bytes());
}

Result<HeaderRead> NeedleReader::State::header_read(const NeedlePlace& place) {
  HeaderRead read;
  read.place = place;
  read.device = TRY(volumes.volume(place.at.volume));
  TRY_VOID(check_bounds(*read.device, place));
  const std::uint64_t begin = align_down(place.at.offset, read.device->alignment());
  const std::uint64_t end =
      align_up(place.at.offset + needle_header_bytes(place.payload_bytes), read.device->alignment());
  read.memory = IoBuffer(end - begin);
  read.request = read_request(*read.device, begin, read.memory.span());
  return read;
}

Status NeedleReader::State::verify(const NeedleHeader& header, const Span& pieces, ByteSpan bytes) {
  const std::uint64_t payload_at = payload_position(header.at.offset, header.payload_bytes);
  const std::uint64_t begun_ns = monotonic_ns();
  Status status = verify_payload(
      store, header, static_cast<std::uint32_t>((pieces.begin - payload_at) / kBlockBytes), bytes);
  verify_ns += monotonic_ns() - begun_ns;
  return status;
}

// One read from the needle's first byte to the end of the last wanted piece.
Status NeedleReader::State::with_header_near(Device& device, const NeedlePlace& place, const Span& pieces,
                                             const Span& wanted, MutableByteSpan into) {
  const std::uint64_t begin = align_down(place.at.offset, device.alignment());
  const std::uint64_t end = std::min(align_up(pieces.end, device.alignment()), device.size());
  Scratch scratch;
  const MutableByteSpan bytes = scratch.get(end - begin);
  IoRequest request = read_request(device, begin, bytes);
  TRY_VOID(run({&request, 1}));
  const auto header = TRY(header_from(place, bytes.subspan(place.at.offset - begin)));
  TRY_VOID(verify(*header, pieces, bytes.subspan(pieces.begin - begin, pieces.end - pieces.begin)));
  std::memcpy(into.data(), bytes.data() + (wanted.begin - begin), into.size());
  return {};
}

// One read of the wanted pieces, and beside it one of the header if that is not known. Straight into the caller's memory
// where that and the pieces are aligned.
Status NeedleReader::State::with_header_apart(Device& device, const NeedlePlace& place, const Span& pieces,
                                              const Span& wanted, std::shared_ptr<const NeedleHeader> header,
                                              MutableByteSpan into) {
  const std::uint64_t alignment = device.alignment();
  const bool straight = pieces.begin == wanted.begin && pieces.end == wanted.end &&
                        wanted.begin % alignment == 0 && into.size() % alignment == 0 &&
                        reinterpret_cast<std::uintptr_t>(into.data()) % alignment == 0;
  const std::uint64_t begin = align_down(pieces.begin, alignment);
  const std::uint64_t end = std::min(align_up(pieces.end, alignment), device.size());
  const std::uint64_t header_begin = align_down(place.at.offset, alignment);
  const std::uint64_t header_end =
      align_up(place.at.offset + needle_header_bytes(place.payload_bytes), alignment);

  // The header's blocks first: its length is a multiple of the alignment.
  const std::size_t header_room = header == nullptr ? header_end - header_begin : 0;
  Scratch scratch;
  const MutableByteSpan buffer = scratch.get(header_room + (straight ? 0 : end - begin));
  const MutableByteSpan bytes = straight ? into : buffer.subspan(header_room);
  IoRequest requests[2] = {read_request(device, begin, bytes), {}};
  std::size_t count = 1;
  if (header == nullptr) requests[count++] = read_request(device, header_begin, buffer.first(header_room));
  TRY_VOID(run({requests, count}));
  if (header == nullptr)
    header = TRY(header_from(place, buffer.first(header_room).subspan(place.at.offset - header_begin)));
  TRY_VOID(verify(*header, pieces, bytes.subspan(pieces.begin - begin, pieces.end - pieces.begin)));
  if (!straight) std::memcpy(into.data(), bytes.data() + (wanted.begin - begin), into.size());
  return {};
}

// Null: not on this device, or there is no memory.
std::shared_ptr<StartedRead> NeedleReader::State::made_read(std::shared_ptr<Device> device,
                                                            const Span& blocks) {
  if (device->native_fd() < 0) return nullptr;
  const std::size_t bytes = blocks.end - blocks.begin;
  auto buffer = memory_for(bytes);
  if (!buffer) return nullptr;
  return std::make_shared<StartedRead>(std::move(device), blocks.begin, bytes, *std::move(buffer), memory);
}

// The same with what is wanted going to `room` at once, unless it begins inside a block or a piece.
std::shared_ptr<StartedRead> NeedleReader::State::made_read_into(std::shared_ptr<Device> device,
                                                                 const Span& blocks, const Span& pieces,
                                                                 const Span& wanted, MutableByteSpan room) {
  const std::uint64_t alignment = device->alignment();
  const std::size_t bytes = wanted.begin - blocks.begin;
  const std::size_t rest = blocks.end - wanted.begin;
  const bool straight = device->native_fd() >= 0 && wanted.begin == pieces.begin &&
                        wanted.begin % alignment == 0 && bytes <= kHeadBytesMax && rest <= room.size() &&
                        reinterpret_cast<std::uintptr_t>(room.data()) % alignment == 0;
  if (!straight) return made_read(std::move(device), blocks);
  auto buffer = bytes > 0 ? memory_for(bytes) : IoBuffer();
  if (!buffer) return nullptr;
  return std::make_shared<StartedRead>(std::move(device), blocks.begin, bytes, *std::move(buffer), memory,
                                       room.first(rest));
}

std::optional<IoBuffer> NeedleReader::State::memory_for(std::size_t bytes) {
  auto buffer = memory.take(bytes);
  while (!buffer && ahead.drop_oldest(NeedleReader::kAheadNs)) buffer = memory.take(bytes);
  return buffer;
}

void NeedleReader::State::note_started(const StartedRead& read) {
  ++device_reads;
  device_read_bytes += read.end() - read.begin();
}

// `read` has ended and was of all of `pieces`.
Status NeedleReader::State::take(const StartedRead& read, const NeedlePlace& place, const Span& pieces,
                                 const Span& wanted, MutableByteSpan into) {
  auto header = headers.find(place);
  if (header == nullptr && read.begin() <= place.at.offset)
    header = TRY(header_from(place, read.from(place.at.offset)));
  if (header == nullptr) return fail(EAGAIN, "the header has gone meanwhile");
  TRY_VOID(verify(*header, pieces, read.from(pieces.begin).first(pieces.end - pieces.begin)));
  const ByteSpan bytes = read.from(wanted.begin);
  if (bytes.data() != into.data()) std::memcpy(into.data(), bytes.data(), into.size());
  return {};
}

// False: it has to be read from the device, also where the bytes were wrong: that may have been the reading.
bool NeedleReader::State::read_from_ahead(const NeedlePlace& place, const Span& pieces, const Span& wanted,
                                          MutableByteSpan into) {
  const std::shared_ptr<StartedRead> read = ahead.find(place);
  if (read == nullptr) return false;
  if (read->is_under_way()) {
    if (!read->may_be_waited_for()) return false;
    const std::uint64_t begun_ns = monotonic_ns();
    read->wait();
    device_read_ns += monotonic_ns() - begun_ns;
  }
  const bool taken = read->is_whole() && take(*read, place, pieces, wanted, into).ok();
  if (taken) ++reads_ahead_wanted;
  // The kernel keeps what it has read; who gets as far as the end does not come again.
  if (!taken || pieces.end == payload_position(place.at.offset, place.payload_bytes) + place.payload_bytes)
    ahead.erase(place);
  return taken;
}

Status NeedleReader::State::read_device(const NeedlePlace& place, std::uint64_t offset,
                                        MutableByteSpan into) {
  const std::shared_ptr<Device> device = TRY(volumes.volume(place.at.volume));
  TRY_VOID(check_bounds(*device, place));
  const Span wanted = wanted_of(place, offset, into.size());
  const Span pieces = pieces_of(place, offset, into.size());
  if (read_from_ahead(place, pieces, wanted, into)) return {};
  auto header = headers.find(place);
  if (header != nullptr) {
    ++header_cache_hits;
  } else if (pieces.end - place.at.offset <= kOneReadBytes) {
    return with_header_near(*device, place, pieces, wanted, into);
  }
  return with_header_apart(*device, place, pieces, wanted, std::move(header), into);
}

NeedleReader::NeedleReader(VolumeSet& volumes, const Uuid& store, LogWriter* unwritten,
                           std::uint64_t header_cache_bytes)
    : state_(std::make_unique<State>(volumes, store, unwritten, header_cache_bytes)) {}
NeedleReader::~NeedleReader() = default;

Status NeedleReader::read(const NeedlePlace& place, std::uint64_t offset, MutableByteSpan into) {
  CIAOS_ASSERT(offset <= place.payload_bytes && into.size() <= place.payload_bytes - offset);
  if (into.empty()) return {};
  // Before the device is asked: what the writer no longer has is there by then. Bytes that never left memory are the
  // ones that were summed.
  VolumePosition at = place.at;
  at.offset = payload_position(place.at.offset, place.payload_bytes) + offset;
  if (state_->unwritten != nullptr && state_->unwritten->read_unwritten(at, into)) return {};
  Status status = state_->read_device(place, offset, into);
  if (status.code() == EUCLEAN) ++state_->damaged;
  return status;
}

BegunNeedle NeedleReader::begin(const NeedlePlace& place, std::uint64_t offset, MutableByteSpan into,
                                std::size_t room) {
  using enum BegunNeedle::State;
  const std::size_t bytes = into.size();
  CIAOS_ASSERT(offset <= place.payload_bytes && bytes <= place.payload_bytes - offset);
  if (bytes == 0 || (state_->unwritten != nullptr && !state_->unwritten->is_written(place)))
    return {at_once, nullptr};
  ReadStarter* const starter = ReadStarter::of_this_thread();
  if (starter == nullptr) return {may_wait, nullptr};
  if (auto read = state_->ahead.find(place); read != nullptr) {
    if (!read->is_of_this_thread() && !read->tell(*starter)) return {at_once, nullptr};
    if (read->is_of_this_thread() && !read->is_under_way()) return {at_once, nullptr};
    ++state_->reads_ahead_wanted;
    if (offset + bytes == place.payload_bytes) state_->ahead.erase(place);
    return {under_way, std::move(read)};
  }
  const auto device = state_->volumes.volume(place.at.volume);
  if (!device.ok() || !check_bounds(**device, place).ok()) return {may_wait, nullptr};
  const Span pieces = pieces_of(place, offset, bytes);
  const bool header_known = state_->headers.find(place) != nullptr;
  if (!header_known && pieces.end - place.at.offset > kOneReadBytes) return {may_wait, nullptr};
  auto read = state_->made_read_into(
      *device, blocks_of(**device, header_known ? pieces.begin : place.at.offset, pieces.end), pieces,
      wanted_of(place, offset, bytes), {into.data(), room});
  // By this thread's own, or not at all: who else's end it would not hear of.
  if (read == nullptr || !read->start_here()) return {may_wait, nullptr};
  state_->note_started(*read);
  return {under_way, std::move(read)};
}

Status NeedleReader::end(const StartedRead& read, const NeedlePlace& place, std::uint64_t offset,
                         MutableByteSpan into) {
  CIAOS_ASSERT(!read.is_under_way());
  state_->device_read_ns += read.nanoseconds();
  if (!read.is_whole()) return fail(EAGAIN, "a read that was begun");
  return state_->take(read, place, pieces_of(place, offset, into.size()),
                      wanted_of(place, offset, into.size()), into);
}

void NeedleReader::read_ahead(const NeedlePlace& place) {
  if (state_->unwritten != nullptr && !state_->unwritten->is_written(place)) return;
  if (state_->ahead.find(place) != nullptr) return;
  const auto device = state_->volumes.volume(place.at.volume);
  if (!device.ok() || !check_bounds(**device, place).ok()) return;
  const std::uint64_t payload_at = payload_position(place.at.offset, place.payload_bytes);
  auto read =
      state_->made_read(*device, blocks_of(**device, place.at.offset, payload_at + place.payload_bytes));
  if (read == nullptr || (!read->start_here() && !read->start(state_->ring))) return;
  state_->note_started(*read);
  ++state_->reads_ahead;
  state_->ahead.put(place, std::move(read));
}

Status NeedleReader::verify(const NeedlePlace& place, std::uint64_t offset, ByteSpan bytes) {
  const std::uint64_t end = offset + bytes.size();
  CIAOS_ASSERT(offset % kBlockBytes == 0 && (end % kBlockBytes == 0 || end == place.payload_bytes));
  CIAOS_ASSERT(end <= place.payload_bytes);
  const auto header = TRY(state_->header_of(place));
  const std::uint64_t payload_at = payload_position(place.at.offset, place.payload_bytes);
  return state_->verify(*header, {payload_at + offset, payload_at + end}, bytes);
}

void NeedleReader::learn_headers(std::span<const NeedlePlace> places) {
  std::vector<HeaderRead> reads;
  std::vector<IoRequest> requests;
  for (const NeedlePlace& place : places) {
    if (state_->headers.find(place) != nullptr) continue;
    auto read = state_->header_read(place);
    if (!read.ok()) continue;
    reads.push_back(*std::move(read));
    requests.push_back(reads.back().request);
  }
  if (reads.empty()) return;
  (void)state_->run(requests).ok();
  for (std::size_t i = 0; i < reads.size(); ++i) {
    if (requests[i].status.ok()) (void)state_->header_from(reads[i].place, reads[i].bytes()).ok();
  }
}

void NeedleReader::forget_volume(VolumeId volume) {
  state_->headers.forget_volume(volume);
  state_->ahead.forget_volume(volume);
}

void NeedleReader::drop_caches() {
  state_->headers.clear();
  state_->ahead.clear();
  state_->memory.drop();
}

ReaderStats NeedleReader::stats() const {
  return {.device_reads = state_->device_reads,
          .device_read_bytes = state_->device_read_bytes,
          .device_read_ns = state_->device_read_ns,
          .verify_ns = state_->verify_ns,
          .header_cache_hits = state_->header_cache_hits,
          .reads_ahead = state_->reads_ahead,
          .reads_ahead_wanted = state_->reads_ahead_wanted,
          .damaged = state_->damaged};
}

}  // namespace ciaos::store
