#include <cstring>

#include "base/assert.h"
#include "store/needle.h"

namespace ciaos::store {
namespace {

using T = TxnLayout;
using R = BatchRangeLayout;

Digest load_digest(const std::byte* from) {
  return {load_le<std::uint64_t>(from), load_le<std::uint64_t>(from + 8)};
}

void store_digest(std::byte* to, const Digest& digest) {
  store_le(to, digest.low);
  store_le(to + 8, digest.high);
}

void encode_range(const BatchRange& range, std::byte* to) {
  store_le(to + R::volume, range.volume.value());
  store_le(to + R::generation, range.generation.value());
  store_le(to + R::begin, range.begin);
  store_le(to + R::end, range.end);
  store_le(to + R::needles, range.needles);
  store_digest(to + R::digest, range.digest);
}

Result<BatchRange> decode_range(const std::byte* from) {
  BatchRange range;
  range.volume = VolumeId(load_le<std::uint32_t>(from + R::volume));
  range.generation = Generation(load_le<std::uint32_t>(from + R::generation));
  range.begin = load_le<std::uint64_t>(from + R::begin);
  range.end = load_le<std::uint64_t>(from + R::end);
  range.needles = load_le<std::uint64_t>(from + R::needles);
  range.digest = load_digest(from + R::digest);
  const bool in_bounds = range.begin % kNeedleAlignment == 0 && range.begin < range.end &&
                         range.end <= kVolumeBytesMax && range.needles > 0 &&
                         range.needles <= (range.end - range.begin) / NeedleLayout::bytes;
  if (!in_bounds) return fail(EUCLEAN, "txn needle: a range of its batch is out of bounds");
  return range;
}

}  // namespace

ByteVector encode_txn_header(const TxnHeader& header, std::uint64_t record_bytes) {
  CIAOS_ASSERT(header.ranges.size() <= kBatchRangesMax);
  ByteVector out(T::bytes + header.ranges.size() * R::bytes);
  std::byte* const to = out.data();
  store_le(to + T::flags, header.opening ? kTxnFlagOpening : 0u);
  store_le(to + T::range_count, static_cast<std::uint32_t>(header.ranges.size()));
  store_digest(to + T::previous_digest, header.previous_digest);
  store_le(to + T::previous_epoch, header.previous_epoch.value());
  store_le(to + T::resume_volume, header.resume.volume.value());
  store_le(to + T::resume_generation, header.resume.generation.value());
  store_le(to + T::resume_offset, header.resume.offset);
  store_le(to + T::nonce, header.nonce);
  store_le(to + T::record_bytes, record_bytes);
  for (std::size_t i = 0; i < header.ranges.size(); ++i)
    encode_range(header.ranges[i], to + T::bytes + i * R::bytes);
  return out;
}

Result<TxnPayload> decode_txn_payload(ByteSpan payload) {
  if (payload.size() < T::bytes) return fail(EUCLEAN, "txn needle: shorter than its own header");
  const std::byte* const from = payload.data();
  const auto flags = load_le<std::uint32_t>(from + T::flags);
  if ((flags & ~kTxnFlagOpening) != 0) return fail(ENOTSUP, "txn needle: unknown flags");
  const auto range_count = load_le<std::uint32_t>(from + T::range_count);
  const auto record_bytes = load_le<std::uint64_t>(from + T::record_bytes);
  if (range_count > kBatchRangesMax || record_bytes > payload.size() ||
      T::bytes + range_count * R::bytes + record_bytes != payload.size()) {
    return fail(EUCLEAN, "txn needle: its ranges and records do not add up to its length");
  }

  TxnPayload out;
  out.header.opening = (flags & kTxnFlagOpening) != 0;
  out.header.previous_digest = load_digest(from + T::previous_digest);
  out.header.previous_epoch = Epoch(load_le<std::uint64_t>(from + T::previous_epoch));
  out.header.resume.volume = VolumeId(load_le<std::uint32_t>(from + T::resume_volume));
  out.header.resume.generation = Generation(load_le<std::uint32_t>(from + T::resume_generation));
  out.header.resume.offset = load_le<std::uint64_t>(from + T::resume_offset);
  out.header.nonce = load_le<std::uint64_t>(from + T::nonce);
  if (out.header.resume.offset > kVolumeBytesMax || out.header.resume.offset % kBlockBytes != 0) {
    return fail(EUCLEAN, "txn needle: the place where the log goes on is out of bounds");
  }
  out.header.ranges.reserve(range_count);
  for (std::uint32_t i = 0; i < range_count; ++i) {
    out.header.ranges.push_back(TRY(decode_range(from + T::bytes + i * R::bytes)));
  }
  out.records = payload.subspan(payload.size() - static_cast<std::size_t>(record_bytes));
  return out;
}

}  // namespace ciaos::store
