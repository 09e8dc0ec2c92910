#include "store/needle_scanner.h"

#include <algorithm>

#include "base/assert.h"
#include "store/log_reader.h"
#include "store/unaligned_read.h"

namespace ciaos::store {
namespace {

// Reads grow while they follow each other and start small again behind a payload that was stepped over. Even the
// small one holds the longest header, wherever in its first block that starts.
constexpr std::size_t kReadBytesMin = 64u << 10;
constexpr std::size_t kReadBytesMax = 1u << 20;
static_assert(needle_header_bytes(kTxnPayloadBytesMax) + kBlockBytes <= kReadBytesMin);

constexpr std::size_t kCheckBytes = 1u << 20;

}  // namespace

NeedleScanner::NeedleScanner(std::shared_ptr<Device> volume, const Uuid& store, const VolumePosition& begin,
                             std::uint64_t end)
    : volume_(std::move(volume)),
      store_(store),
      id_(begin.volume),
      generation_(begin.generation),
      volume_bytes_(align_down(volume_->size(), kBlockBytes)),
      end_(std::min(end, volume_bytes_)),
      position_(align_up(begin.offset, kNeedleAlignment)),
      window_(kReadBytesMax),
      read_bytes_(kReadBytesMin) {}

Result<const NeedleHeader*> NeedleScanner::next() {
  skipped_bytes_ = 0;
  while (position_ < end_ && volume_bytes_ - position_ >= NeedleLayout::bytes) {
    TRY_VOID(show(position_, NeedleLayout::bytes));
    position_ = skip_to_magic(position_);
    if (shown_from(position_).empty() || position_ >= end_) continue;
    if (TRY(find_at(position_))) {
      position_ = align_up(found_.end(), kNeedleAlignment);
      return static_cast<const NeedleHeader*>(&found_);
    }
    skipped_bytes_ += kNeedleAlignment;
    position_ += kNeedleAlignment;
  }
  return static_cast<const NeedleHeader*>(nullptr);
}

Result<bool> NeedleScanner::find_at(std::uint64_t position) {
  const VolumePosition at{id_, generation_, position};
  auto header = decode_needle_header(store_, at, shown_from(position));
  if (header.code() == EMSGSIZE) {
    TRY_VOID(show(position, needle_header_bytes(kTxnPayloadBytesMax)));
    header = decode_needle_header(store_, at, shown_from(position));
  }
  if (header.code() == ENOTSUP) return header.error();
  if (!header.ok() || header->end() > volume_bytes_) return false;
  found_ = *std::move(header);
  return true;
}

std::uint64_t NeedleScanner::skip_to_magic(std::uint64_t position) {
  const ByteSpan bytes = shown_from(position);
  std::size_t at = 0;
  for (; at + kNeedleAlignment <= bytes.size(); at += kNeedleAlignment) {
    const auto word = load_le<std::uint64_t>(bytes.data() + at);
    if (word == 0) continue;
    if (static_cast<std::uint32_t>(word) == kNeedleMagic) break;
    skipped_bytes_ += kNeedleAlignment;
  }
  return position + at;
}

ByteSpan NeedleScanner::shown_from(std::uint64_t position) const {
  const std::uint64_t window_end = window_begin_ + window_bytes_;
  if (position < window_begin_ || position >= window_end) return {};
  return window_.span().subspan(position - window_begin_, window_end - position);
}

Status NeedleScanner::show(std::uint64_t position, std::size_t bytes) {
  const std::uint64_t wanted_end = std::min(position + bytes, volume_bytes_);
  const std::uint64_t window_end = window_begin_ + window_bytes_;
  if (position >= window_begin_ && wanted_end <= window_end) return {};
  const bool follows = position >= window_begin_ && position <= window_end;
  read_bytes_ = follows ? std::min(2 * read_bytes_, kReadBytesMax) : kReadBytesMin;
  const std::uint64_t begin = align_down(position, kBlockBytes);
  const std::size_t count = std::min<std::uint64_t>(read_bytes_, volume_bytes_ - begin);
  window_bytes_ = 0;  // an error leaves nothing that could be taken for bytes of the volume
  TRY_VOID(volume_->read(begin, window_.span().first(count)));
  window_begin_ = begin;
  window_bytes_ = count;
  return {};
}

Result<ByteVector> read_payload(Device& volume, const Uuid& store, const NeedleHeader& header) {
  ByteVector payload(header.payload_bytes);
  TRY_VOID(read_unaligned(volume, payload_position(header.at.offset, header.payload_bytes), payload));
  TRY_VOID(verify_payload(store, header, 0, payload));
  return payload;
}

Status check_payload(Device& volume, const Uuid& store, const NeedleHeader& header) {
  const std::uint64_t begin = payload_position(header.at.offset, header.payload_bytes);
  ByteVector piece;
  for (std::uint64_t at = 0; at < header.payload_bytes; at += kCheckBytes) {
    piece.resize(std::min<std::uint64_t>(kCheckBytes, header.payload_bytes - at));
    TRY_VOID(read_unaligned(volume, begin + at, piece));
    TRY_VOID(verify_payload(store, header, static_cast<std::uint32_t>(at / kBlockBytes), piece));
  }
  return {};
}

Status scan_needles(VolumeSet& volumes, const Uuid& store, VolumeId volume, Generation generation,
                    std::uint64_t begin, const std::function<bool(const FoundNeedle&)>& found) {
  std::shared_ptr<Device> device = TRY(volumes.volume(volume));
  const std::uint64_t end = device->size();
  NeedleScanner scanner(std::move(device), store, {volume, generation, begin}, end);
  for (;;) {
    const NeedleHeader* const header = TRY(scanner.next());
    if (header == nullptr || !found({*header, scanner.skipped_bytes()})) return {};
  }
}

}  // namespace ciaos::store
