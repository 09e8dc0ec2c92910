#include "store/mkfs.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>

#include "store/needle.h"
#include "store/superblock.h"

namespace ciaos::store {

namespace {

constexpr std::uint64_t kDefaultVolumeBytesMin = 4ull << 20;
constexpr std::uint64_t kDefaultVolumeBytesMax = 1ull << 30;
constexpr std::uint64_t kSlotsWanted = 16;
// Below this the reserve would be most of the store.
constexpr std::uint64_t kSlotsMin = 8;
constexpr std::size_t kLabelBytesMax = SuperblockLayout::index_path - SuperblockLayout::label;
constexpr std::size_t kIndexPathBytesMax = SuperblockLayout::log_reached - SuperblockLayout::index_path - 1;

constexpr VolumePosition kLogStart{make_volume_id(0, 0), Generation(1), 0};

// What lies between the two superblock copies of a raw device.
std::uint64_t slot_space(std::uint64_t device_bytes) {
  const std::uint64_t end = align_down(device_bytes, kBlockBytes);
  return end < kSlotsBegin + kBlockBytes ? 0 : end - kSlotsBegin - kBlockBytes;
}

Status check_options(const FormatOptions& options) {
  if (options.uuid == Uuid{}) return fail(EINVAL, "a store's UUID is not all zeros");
  if (options.label.size() > kLabelBytesMax || options.label.find('\0') != std::string::npos) {
    return fail(EINVAL, fmt::format("a label has at most {} bytes, none of them zero", kLabelBytesMax));
  }
  if (options.index_path.size() > kIndexPathBytesMax || options.index_path.find('\0') != std::string::npos) {
    return fail(EINVAL,
                fmt::format("an index path has at most {} bytes, none of them zero", kIndexPathBytesMax));
  }
  return {};
}

// One size for all volumes of a store: what fits the smallest device.
Result<std::uint64_t> choose_volume_bytes(std::vector<std::unique_ptr<StoreDevice>>& devices,
                                          const std::vector<std::uint64_t>& raw_device_bytes,
                                          std::uint64_t wanted) {
  if (wanted != 0) {
    TRY_VOID(check_volume_bytes(wanted));
    return wanted;
  }
  std::uint64_t chosen = kDefaultVolumeBytesMax;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const bool raw = devices[i]->kind() == StoreKind::raw;
    // A directory has no size of its own; what its filesystem has free stands for it.
    const std::uint64_t bytes = raw ? raw_device_bytes[i] : TRY(devices[i]->capacity_bytes());
    chosen = std::min(chosen, default_volume_bytes(bytes));
  }
  return chosen;
}

Result<std::uint32_t> count_slots(const StoreDevice& device, std::uint64_t device_bytes,
                                  std::uint64_t volume_bytes) {
  const std::uint64_t slots = slot_space(device_bytes) / volume_bytes;
  if (slots < kSlotsMin) {
    return fail(ENOSPC, fmt::format("{}: {} bytes hold {} volumes of {}, {} are needed", device.name(),
                                    device_bytes, slots, volume_bytes, kSlotsMin));
  }
  return static_cast<std::uint32_t>(std::min(slots, kSlotsMax));
}

// The txn needle that every log begins with, padded to whole blocks.
Result<IoBuffer> first_batch(const Superblock& superblock, ByteSpan records) {
  NeedleHeader header;
  header.kind = NeedleKind::txn;
  header.epoch = superblock.epoch;
  header.sequence = Sequence(1);
  header.at = kLogStart;
  const std::uint64_t payload_bytes = TxnLayout::bytes + records.size();
  const std::uint64_t end = align_up(needle_end(0, payload_bytes), kBlockBytes);
  if (payload_bytes > kTxnPayloadBytesMax || end >= superblock.volume_bytes) {
    return fail(EFBIG, fmt::format("{} bytes of records do not fit the first volume", records.size()));
  }
  header.payload_bytes = static_cast<std::uint32_t>(payload_bytes);
  TxnHeader txn;
  txn.resume = kLogStart;
  txn.resume.offset = end;
  const ByteVector encoded = encode_txn_header(txn, records.size());
  const ByteSpan payload[] = {encoded, records};
  IoBuffer batch(end);
  encode_needle(superblock.uuid, header, payload, batch.span().first(needle_end(0, payload_bytes)));
  return batch;
}

Status write_first_batch(StoreDevice& device, const IoBuffer& batch) {
  const std::shared_ptr<Device> volume = TRY(device.create_volume(slot_of(kLogStart.volume)));
  TRY_VOID(volume->write(kLogStart.offset, batch.span()));
  return volume->sync();
}

}  // namespace

Status check_volume_bytes(std::uint64_t bytes) {
  if (std::has_single_bit(bytes) && bytes >= kVolumeBytesMin && bytes <= kVolumeBytesMax) return {};
  return fail(EINVAL, fmt::format("volumes of {} bytes: a power of two from {} to {} is needed", bytes,
                                  kVolumeBytesMin, kVolumeBytesMax));
}

Status check_new_name(StoreDevice& device, const Uuid& uuid) {
  if (device.kind() != StoreKind::raw) return {};
  const Result<Superblock> old = device.read_superblock();
  if (!old.ok() || old->uuid != uuid) return {};
  return fail(EEXIST, fmt::format("{} already holds store {}; a new store needs a new UUID", device.name(),
                                  to_string(uuid)));
}

std::uint64_t default_volume_bytes(std::uint64_t device_bytes) {
  if (device_bytes == 0) return kDefaultVolumeBytesMax;
  const std::uint64_t wanted = std::bit_floor(slot_space(device_bytes) / kSlotsWanted);
  return std::clamp(wanted, kDefaultVolumeBytesMin, kDefaultVolumeBytesMax);
}

Result<std::vector<Superblock>> plan_format(std::vector<std::unique_ptr<StoreDevice>>& devices,
                                            const std::vector<std::uint64_t>& raw_device_bytes,
                                            const FormatOptions& options) {
  CIAOS_ASSERT(raw_device_bytes.size() == devices.size());
  if (devices.empty() || devices.size() > kDevicesMax) {
    return fail(EINVAL, fmt::format("a store has 1 to {} devices", kDevicesMax));
  }
  TRY_VOID(check_options(options));
  const std::uint64_t volume_bytes =
      TRY(choose_volume_bytes(devices, raw_device_bytes, options.volume_bytes));
  std::vector<Superblock> plan;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    Superblock s;
    s.counter = 1;
    s.epoch = Epoch(1);
    s.uuid = options.uuid;
    s.kind = devices[i]->kind();
    s.device_index = static_cast<std::uint32_t>(i);
    s.device_count = static_cast<std::uint32_t>(devices.size());
    s.volume_bytes = volume_bytes;
    if (s.kind == StoreKind::raw) {
      s.device_bytes = raw_device_bytes[i];
      s.slots_begin = kSlotsBegin;
      s.slot_count = TRY(count_slots(*devices[i], raw_device_bytes[i], volume_bytes));
    }
    s.created_seconds = options.created_seconds;
    s.log_start = kLogStart;
    s.label = options.label;
    s.index_path = options.index_path;
    plan.push_back(std::move(s));
  }
  return plan;
}

Status format_store(std::vector<std::unique_ptr<StoreDevice>>& devices, const std::vector<Superblock>& plan,
                    ByteSpan records) {
  CIAOS_ASSERT(!devices.empty() && plan.size() == devices.size());
  const IoBuffer batch = TRY(first_batch(plan.front(), records));
  for (std::size_t i = 0; i < devices.size(); ++i) TRY_VOID(check_new_name(*devices[i], plan[i].uuid));
  for (std::size_t i = 0; i < devices.size(); ++i) TRY_VOID(devices[i]->begin_format(plan[i]));
  TRY_VOID(write_first_batch(*devices.front(), batch));
  for (std::size_t i = 0; i < devices.size(); ++i) TRY_VOID(devices[i]->write_superblock(plan[i]));
  return {};
}

}  // namespace ciaos::store
