#include "store/needle_check.h"

#include <algorithm>
#include <utility>

namespace ciaos::store {
namespace {

// Holds the longest header, wherever in a block it starts.
constexpr std::size_t kWindowBytes = 1u << 20;
static_assert(needle_header_bytes(kTxnPayloadBytesMax) + 2 * kBlockBytes <= kWindowBytes);

bool in_bounds(const NeedlePlace& place, std::uint64_t volume_bytes) {
  return place.at.offset % kNeedleAlignment == 0 && place.payload_bytes <= kTxnPayloadBytesMax &&
         place.at.offset <= volume_bytes && needle_end(place.at.offset, place.payload_bytes) <= volume_bytes;
}

void add(std::vector<DamagedPiece>& damaged, const DamagedPiece& piece) {
  if (!damaged.empty() && damaged.back().end == piece.begin && damaged.back().code == piece.code) {
    damaged.back().end = piece.end;
  } else {
    damaged.push_back(piece);
  }
}

}  // namespace

NeedleChecker::NeedleChecker(std::shared_ptr<Device> volume, const Uuid& store)
    : volume_(std::move(volume)), store_(store), window_(kWindowBytes) {}

std::vector<DamagedPiece> NeedleChecker::check(const NeedlePlace& place) {
  const auto header = read_header(place);
  if (!header.ok()) return {{0, place.payload_bytes, place.at.offset, header.code()}};
  const std::uint64_t payload = payload_position(place.at.offset, place.payload_bytes);
  std::vector<DamagedPiece> damaged;
  for (std::uint64_t begin = 0; begin < place.payload_bytes; begin += kBlockBytes) {
    const std::uint64_t end = std::min<std::uint64_t>(begin + kBlockBytes, place.payload_bytes);
    const auto bytes = show(payload + begin, end - begin);
    const Status status =
        bytes.ok() ? verify_payload(store_, *header, static_cast<std::uint32_t>(begin / kBlockBytes), *bytes)
                   : Status(bytes.error());
    if (!status.ok()) add(damaged, {begin, end, payload + begin, status.code()});
  }
  return damaged;
}

Result<NeedleHeader> NeedleChecker::read_header(const NeedlePlace& place) {
  if (!in_bounds(place, volume_->size())) return fail(EUCLEAN);
  const ByteSpan bytes = TRY(show(place.at.offset, needle_header_bytes(place.payload_bytes)));
  auto header = decode_needle_header(store_, place.at, bytes);
  if (header.ok() && header->place() == place) return header;
  return header.code() == ENOTSUP ? header.error() : fail(EUCLEAN);
}

Result<ByteSpan> NeedleChecker::show(std::uint64_t position, std::size_t bytes) {
  const std::uint64_t end = position + bytes;
  if (position < window_begin_ || end > window_end_) {
    const std::uint64_t begin = align_down(position, kBlockBytes);
    const std::uint64_t far = std::min(begin + kWindowBytes, align_down(volume_->size(), kBlockBytes));
    const bool careful = begin < refused_until_;
    Status status = careful ? Status(fail(EIO)) : fill(begin, far);
    if (!status.ok()) {
      if (!careful) refused_until_ = far;
      TRY_VOID(fill(begin, align_up(end, kBlockBytes)));
    }
  }
  return ByteSpan(window_.span()).subspan(position - window_begin_, bytes);
}

Status NeedleChecker::fill(std::uint64_t begin, std::uint64_t end) {
  window_begin_ = window_end_ = 0;  // an error leaves nothing that could be taken for bytes of the volume
  bytes_read_ += end - begin;
  TRY_VOID(volume_->read(begin, window_.span().first(end - begin)));
  window_begin_ = begin;
  window_end_ = end;
  return {};
}

std::uint64_t NeedleChecker::take_bytes_read() { return std::exchange(bytes_read_, 0); }

}  // namespace ciaos::store
