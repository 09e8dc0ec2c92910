// The bytes of a volume, read as every reader does that gets no more than these: the log, whole needles, scans.
#include <algorithm>
#include <cstring>
#include <optional>

#include "base/assert.h"
#include "base/crc32c.h"
#include "store/format.h"
#include "store/log_reader.h"
#include "store/memory_device.h"
#include "store/needle_reader.h"
#include "support/random.h"
#include "tests/fuzz/tables.h"
#include "tests/store/log_store.h"

namespace ciaos::fuzz {
namespace {

using store::NeedleLayout;
using store::TxnLayout;

constexpr VolumePosition kBegin{VolumeId(0), Generation(1), 0};
constexpr std::uint32_t kVolumes = 1;
constexpr std::size_t kInputBytesMax = 64 * 1024;
// Of what a scan finds, so much is read.
constexpr std::size_t kReadNeedlesMax = 8;

ByteVector example_volume(std::uint64_t seed) {
  test::Random random(seed);
  test::LogStore store(std::make_shared<store::MemoryDevice>(test::kDeviceBytes));
  store.limits.zero_window_bytes = 0;
  store.start(test::before_first(), Epoch(1));
  for (std::uint64_t batches = 1 + random.below(3); batches > 0; --batches) {
    for (std::uint64_t needles = random.below(3); needles > 0; --needles)
      CIAOS_ASSERT(store.append(random.bytes(1 + random.below(seed % 8 == 0 ? 9000 : 60))).ok());
    store.committed(random.bytes(random.below(60)));
  }
  store.stop();
  ByteVector volume(kInputBytesMax);
  CIAOS_ASSERT(store.device().read(store::kSlotsBegin, volume).ok());
  while (!volume.empty() && volume.back() == std::byte{0}) volume.pop_back();
  return volume;
}

// Checksums, and what each txn needle says of the one before it.
void mend(MutableByteSpan volume) {
  std::optional<Digest> previous;
  for (std::uint64_t at = 0; at + NeedleLayout::bytes <= volume.size();) {
    std::byte* const needle = volume.data() + at;
    const auto payload_bytes = load_le<std::uint32_t>(needle + NeedleLayout::payload_bytes);
    const std::uint64_t end = store::needle_end(at, payload_bytes);
    if (load_le<std::uint32_t>(needle) != store::kNeedleMagic || payload_bytes == 0 || end > volume.size()) {
      at += store::kNeedleAlignment;
      continue;
    }
    const MutableByteSpan payload = volume.subspan(store::payload_position(at, payload_bytes), payload_bytes);
    const bool is_txn = needle[NeedleLayout::kind] == std::byte{2};
    if (is_txn && previous && payload.size() >= TxnLayout::bytes) {
      store_le(payload.data() + TxnLayout::previous_digest, previous->low);
      store_le(payload.data() + TxnLayout::previous_digest + 8, previous->high);
    }
    const std::uint32_t sum =
        store::checksum_seed(test::log_store_uuid(), {kBegin.volume, kBegin.generation, at});
    const MutableByteSpan header = volume.subspan(at, store::needle_header_bytes(payload_bytes));
    for (std::size_t begin = 0, table = NeedleLayout::bytes; begin < payload.size();
         begin += store::kBlockBytes, table += 4) {
      const std::size_t piece = std::min<std::size_t>(store::kBlockBytes, payload.size() - begin);
      store_le(header.data() + table, crc32c(sum, payload.subspan(begin, piece)));
    }
    store_le<std::uint32_t>(needle + NeedleLayout::header_crc, 0);
    store_le(needle + NeedleLayout::header_crc, crc32c(sum, header));
    if (is_txn) previous = store::needle_digest(header, payload);
    at = align_up(end, store::kNeedleAlignment);
  }
}

// A store whose first volume begins with the bytes put last.
class Volume {
 public:
  Volume() {
    store::Superblock superblock;
    superblock.counter = 1;
    superblock.epoch = Epoch(1);
    superblock.uuid = test::log_store_uuid();
    superblock.kind = store::StoreKind::raw;
    superblock.slot_count = kVolumes;
    superblock.volume_bytes = store::kVolumeBytesMin;
    superblock.device_bytes = device_->size();
    superblock.slots_begin = store::kSlotsBegin;
    superblock.log_start = kBegin;
    std::vector<std::unique_ptr<store::StoreDevice>> devices;
    devices.push_back(store::raw_store_device(device_));
    CIAOS_ASSERT(devices.back()->write_superblock(superblock).ok());
    auto opened = store::VolumeSet::open(std::move(devices));
    CIAOS_ASSERT(opened.ok());
    volumes_ = *std::move(opened);
  }
  store::VolumeSet& put(ByteSpan bytes) {
    ByteVector blocks(kInputBytesMax);
    std::copy(bytes.begin(), bytes.end(), blocks.begin());
    CIAOS_ASSERT(device_->write(store::kSlotsBegin, blocks).ok());
    return *volumes_;
  }

 private:
  std::shared_ptr<store::MemoryDevice> device_ = std::make_shared<store::MemoryDevice>(
      store::kSlotsBegin + kVolumes * store::kVolumeBytesMin + store::kBlockBytes);
  std::unique_ptr<store::VolumeSet> volumes_;
};

void read_needles(store::VolumeSet& volumes) {
  store::NeedleReader reader(volumes, test::log_store_uuid(), nullptr, 1u << 20);
  std::vector<NeedlePlace> places;
  const auto note = [&places](const store::FoundNeedle& found) {
    places.push_back(found.header.place());
    return places.size() < kReadNeedlesMax;
  };
  (void)store::scan_needles(volumes, test::log_store_uuid(), kBegin.volume, kBegin.generation, 0, note).ok();
  for (const NeedlePlace& place : places) {
    const auto whole = store::read_needle(volumes, test::log_store_uuid(), place);
    ByteVector payload(std::min<std::uint32_t>(place.payload_bytes, store::kTxnPayloadBytesMax));
    const Status again = reader.read(place, 0, payload);
    if (whole.ok() && again.ok()) CIAOS_ASSERT(whole->payload == payload);
  }
}

bool decode_volume(ByteSpan bytes) {
  static Volume volume;
  ByteVector mended(bytes.begin(),
                    bytes.begin() + static_cast<std::ptrdiff_t>(std::min(bytes.size(), kInputBytesMax)));
  mend(mended);
  store::VolumeSet& volumes = volume.put(mended);
  read_needles(volumes);
  store::LogReader reader(volumes, test::log_store_uuid(), test::before_first());
  std::size_t batches = 0;
  for (;; ++batches) {
    const auto batch = reader.next();
    if (!batch.ok()) return false;
    if (!batch->has_value()) break;
    CIAOS_ASSERT((*batch)->records.size() <= store::kTxnPayloadBytesMax);
    CIAOS_ASSERT(store::check_txn(volumes, test::log_store_uuid(), (*batch)->ref).ok());
  }
  return batches > 0;
}

constexpr Decoder kDecoders[] = {{"Volume", example_volume, decode_volume}};

}  // namespace

std::span<const Decoder> volume_decoders() { return kDecoders; }

}  // namespace ciaos::fuzz
