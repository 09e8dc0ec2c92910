#include <string>

#include "store/log_reader.h"
#include "store/txn_scan.h"
#include "store/unaligned_read.h"

namespace ciaos::store {
namespace {

struct HeaderThere {
  NeedleHeader header;
  ByteVector bytes;
};

// The header of a needle of `payload_bytes` at this place. EUCLEAN when there is none, or one of another length.
Result<HeaderThere> read_header(Device& volume, const Uuid& store, const VolumePosition& at,
                                std::uint64_t payload_bytes) {
  if (at.offset % kNeedleAlignment != 0 || at.offset > volume.size() || payload_bytes > kTxnPayloadBytesMax ||
      needle_end(at.offset, payload_bytes) > volume.size()) {
    return fail(EUCLEAN, "a needle's place is out of bounds");
  }
  HeaderThere there;
  there.bytes.resize(needle_header_bytes(payload_bytes));
  TRY_VOID(read_unaligned(volume, at.offset, there.bytes));
  auto header = decode_needle_header(store, at, there.bytes);
  const bool no_needle = header.code() == ENODATA || header.code() == EMSGSIZE;
  if (no_needle || (header.ok() && header->payload_bytes != payload_bytes)) {
    return fail(EUCLEAN, volume.name() + ": no such needle at " + std::to_string(at.offset));
  }
  there.header = TRY(std::move(header));
  return there;
}

}  // namespace

Result<WholeNeedle> read_needle(VolumeSet& volumes, const Uuid& store, const NeedlePlace& place) {
  const std::shared_ptr<Device> volume = TRY(volumes.volume(place.at.volume));
  WholeNeedle needle;
  needle.header = TRY(read_header(*volume, store, place.at, place.payload_bytes)).header;
  if (needle.header.header_crc != place.header_crc) {
    return fail(EUCLEAN, volume->name() + ": another needle at " + std::to_string(place.at.offset));
  }
  needle.payload = TRY(read_payload(*volume, store, needle.header));
  return needle;
}

Status check_txn(VolumeSet& volumes, const Uuid& store, const TxnRef& ref) {
  if (ref.sequence == Sequence(0)) return {};
  const auto volume = volumes.volume(ref.at.volume);
  if (volume.code() == ENOENT) return fail(ESTALE, "the volume of the remembered txn needle is gone");
  Device& device = *TRY(volume);
  if (ref.at.offset > device.size() || ref.at.offset % kNeedleAlignment != 0) return fail(ESTALE);

  // Its length is not remembered, so the header is found as any other is.
  NeedleScanner scanner(*volume, store, ref.at, ref.at.offset + 1);
  const NeedleHeader* const header = TRY(scanner.next());
  const bool same_number = header != nullptr && header->kind == NeedleKind::txn &&
                           header->sequence == ref.sequence && header->epoch == ref.epoch;
  if (!same_number) return fail(ESTALE, "there is another needle, or none, where a txn needle is remembered");
  const auto found = read_txn(device, store, *header, scanner.header_bytes());
  if (found.code() == EUCLEAN || (found.ok() && found->ref != ref)) {
    return fail(ESTALE, "the txn needle is not the one that is remembered");
  }
  return found.ok() ? Status() : Status(found.error());
}

}  // namespace ciaos::store
