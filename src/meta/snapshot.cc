#include "meta/snapshot.h"

#include <zstd.h>

#include <string>

#include "base/assert.h"
#include "meta/row_codec.h"

namespace ciaos::meta {

namespace {

constexpr std::uint8_t kPieceVersion = 1;
constexpr std::uint32_t kDirectoryVersion = 1;
constexpr std::size_t kRowBytesMax = 64u << 20;
constexpr std::size_t kNeedlePlaceBytes = 24;
// Of a million files: level 1 leaves 0.50 of the records at 398 MB/s, level 3 leaves 0.46 at 198 MB/s, and the processor is
// the scarcer of the two.
constexpr int kLevel = 1;

using Context = std::unique_ptr<ZSTD_CCtx, decltype([](ZSTD_CCtx* context) { ZSTD_freeCCtx(context); })>;

}  // namespace

// u8 version, then one zstd frame that tells its content's size and carries zstd's checksum of it.
ByteVector encode_snapshot_piece(const Changes& rows) {
  const ByteVector plain = encode_changes(rows);
  CIAOS_ASSERT(plain.size() <= kRowBytesMax);
  const Context context(ZSTD_createCCtx());
  CIAOS_ASSERT(context != nullptr);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  ByteVector payload(1 + ZSTD_compressBound(plain.size()));
  payload[0] = std::byte{kPieceVersion};
  const std::size_t size =
      ZSTD_compress2(context.get(), payload.data() + 1, payload.size() - 1, plain.data(), plain.size());
  CIAOS_ASSERT(!ZSTD_isError(size));
  payload.resize(1 + size);
  return payload;
}

Result<Changes> decode_snapshot_piece(ByteSpan payload) {
  ByteReader in(payload);
  const auto version = in.number<std::uint8_t>();
  if (!in.ok() || version == 0) return fail(EUCLEAN, "snapshot piece without a version");
  if (version > kPieceVersion) return fail(ENOTSUP, "snapshot piece of version " + std::to_string(version));
  const ByteSpan frame = payload.subspan(1);
  const unsigned long long plain_bytes = ZSTD_getFrameContentSize(frame.data(), frame.size());
  // The two values that mean "unknown" and "no frame" are beyond every limit.
  if (plain_bytes > kRowBytesMax) return fail(EUCLEAN, "snapshot piece is no zstd frame, or one too large");
  if (ZSTD_findFrameCompressedSize(frame.data(), frame.size()) != frame.size()) {
    return fail(EUCLEAN, "snapshot piece is not one whole zstd frame");
  }
  ByteVector plain(static_cast<std::size_t>(plain_bytes));
  const std::size_t size = ZSTD_decompress(plain.data(), plain.size(), frame.data(), frame.size());
  if (ZSTD_isError(size)) return fail(EUCLEAN, std::string("snapshot piece: ") + ZSTD_getErrorName(size));
  if (size != plain.size()) return fail(EUCLEAN, "snapshot piece is shorter than it says");
  return decode_changes(plain);
}

ByteVector encode_snapshot_directory(const SnapshotDirectory& directory) {
  ByteWriter out;
  out.number(kDirectoryVersion);
  out.number(static_cast<std::uint32_t>(directory.pieces.size()));
  write_txn_ref(out, directory.state);
  out.number(directory.digest.low);
  out.number(directory.digest.high);
  out.number(directory.bytes);
  for (const NeedlePlace& piece : directory.pieces) {
    out.number(piece.at.volume.value());
    out.number(piece.at.generation.value());
    out.number(piece.at.offset);
    out.number(piece.payload_bytes);
    out.number(piece.header_crc);
  }
  return out.take();
}

Result<SnapshotDirectory> decode_snapshot_directory(ByteSpan payload) {
  ByteReader in(payload);
  const auto version = in.number<std::uint32_t>();
  if (!in.ok() || version == 0) return fail(EUCLEAN, "snapshot directory without a version");
  if (version > kDirectoryVersion)
    return fail(ENOTSUP, "snapshot directory of version " + std::to_string(version));
  const auto count = in.number<std::uint32_t>();
  SnapshotDirectory directory;
  directory.state = read_txn_ref(in);
  directory.digest.low = in.number<std::uint64_t>();
  directory.digest.high = in.number<std::uint64_t>();
  directory.bytes = in.number<std::uint64_t>();
  if (!in.ok() || in.remaining() != count * kNeedlePlaceBytes) {
    return fail(EUCLEAN, "snapshot directory of the wrong length");
  }
  directory.pieces.resize(count);
  std::uint64_t bytes = 0;
  for (NeedlePlace& piece : directory.pieces) {
    piece.at.volume = VolumeId(in.number<std::uint32_t>());
    piece.at.generation = Generation(in.number<std::uint32_t>());
    piece.at.offset = in.number<std::uint64_t>();
    piece.payload_bytes = in.number<std::uint32_t>();
    piece.header_crc = in.number<std::uint32_t>();
    if (fault_of(piece.at.volume) != nullptr || piece.at.offset > kNumberMax || piece.payload_bytes == 0) {
      return fail(EUCLEAN, "snapshot directory names an impossible needle");
    }
    bytes += piece.payload_bytes;
  }
  if (bytes != directory.bytes) return fail(EUCLEAN, "snapshot directory's sizes do not add up");
  return directory;
}

}  // namespace ciaos::meta
