// A store of tiny volumes on a device in memory, with a log that is written, cut off and read back.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "store/log_reader.h"
#include "store/log_writer.h"
#include "store/needle_reader.h"
#include "store/volume_pool.h"
#include "store/volume_set.h"
#include "support/random.h"

namespace ciaos::test {

inline constexpr std::uint64_t kVolumeBytes = 1u << 20;
inline constexpr std::uint32_t kSlots = 12;
inline constexpr std::uint64_t kDeviceBytes = store::kSlotsBegin + kSlots * kVolumeBytes + store::kBlockBytes;

inline Uuid log_store_uuid() {
  Uuid uuid;
  std::iota(uuid.bytes.begin(), uuid.bytes.end(), std::uint8_t{0x40});
  return uuid;
}

inline void put_superblock(const std::shared_ptr<store::Device>& device) {
  store::Superblock superblock;
  superblock.counter = 1;
  superblock.epoch = Epoch(1);
  superblock.uuid = log_store_uuid();
  superblock.kind = store::StoreKind::raw;
  superblock.slot_count = kSlots;
  superblock.volume_bytes = kVolumeBytes;
  superblock.device_bytes = device->size();
  superblock.slots_begin = store::kSlotsBegin;
  superblock.log_start = {VolumeId(0), Generation(1), 0};
  ASSERT_TRUE(store::raw_store_device(device)->write_superblock(superblock).ok());
}

inline TxnRef before_first() {
  TxnRef ref;
  ref.resume = {VolumeId(0), Generation(1), 0};
  return ref;
}

inline std::uint64_t position_on_device(const VolumePosition& at) {
  return store::kSlotsBegin + slot_of(at.volume) * kVolumeBytes + at.offset;
}

// What recovery makes of a device.
struct ReadLog {
  std::vector<store::LogBatch> batches;
  int end = 0;  // the errno at which it ended, 0 for the end of the log
  bool torn = false;
  TxnRef last;
};

// The device's volumes, opened; and a writer behind `last`.
class LogStore {
 public:
  explicit LogStore(const std::shared_ptr<store::Device>& device, bool fresh = true) : device_(device) {
    if (fresh) put_superblock(device);
    std::vector<std::unique_ptr<store::StoreDevice>> devices;
    devices.push_back(store::raw_store_device(device));
    auto opened = store::VolumeSet::open(std::move(devices));
    EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : to_string(opened.error()));
    volumes_ = *std::move(opened);
  }

  store::LogLimits limits = store::limits_for_volume(kVolumeBytes);

  // `known`: volumes up to this slot are in use.
  void start(const TxnRef& last, Epoch epoch, std::uint32_t slots_used = 1) {
    writer_.reset();
    std::vector<store::KnownVolume> known;
    for (std::uint32_t slot = 0; slot < slots_used; ++slot)
      known.push_back({VolumeId(slot), Generation(1), false});
    pool_ = std::make_unique<store::VolumePool>(*volumes_, known, std::vector<std::uint32_t>{},
                                                store::usable_volume_bytes(kVolumeBytes, limits));
    writer_ = std::make_unique<store::LogWriter>(*volumes_, *pool_, log_store_uuid(), epoch, last, limits);
  }
  void stop() { writer_.reset(); }

  store::LogWriter& writer() { return *writer_; }
  store::VolumePool& pool() { return *pool_; }
  store::VolumeSet& volumes() { return *volumes_; }
  store::Device& device() { return *device_; }

  Result<NeedlePlace> append(std::string_view payload, InodeId inode = InodeId(2),
                             store::NeedleKind kind = store::NeedleKind::data) {
    const ByteSpan parts[] = {as_bytes(payload)};
    store::LogWriter::Needle needle;
    needle.kind = kind;
    needle.inode = inode;
    return writer_->append(needle, parts);
  }

  Result<store::DurableBatch> commit(std::string_view records, bool opening = false) {
    store::SealedBatch sealed = TRY(writer_->cut(as_bytes(records), opening));
    return writer_->commit(std::move(sealed));
  }

  // REQUIRES: it succeeds.
  TxnRef committed(std::string_view records, bool opening = false) {
    auto batch = commit(records, opening);
    EXPECT_TRUE(batch.ok()) << (batch.ok() ? "" : to_string(batch.error()));
    return batch.ok() ? batch->ref() : TxnRef{};
  }

  ReadLog read_log(const TxnRef& after = before_first()) {
    store::LogReader reader(*volumes_, log_store_uuid(), after);
    ReadLog log;
    for (;;) {
      auto batch = reader.next();
      log.end = batch.code();
      log.torn = reader.torn_tail();
      log.last = reader.last();
      if (!batch.ok() || !batch->has_value()) return log;
      log.batches.push_back(std::move(**batch));
    }
  }

  void flip_bit(const VolumePosition& at) {
    store::IoBuffer block(store::kBlockBytes);
    const std::uint64_t position = position_on_device(at);
    const std::uint64_t begin = align_down(position, store::kBlockBytes);
    ASSERT_TRUE(device_->read(begin, block.span()).ok());
    block.data()[position - begin] ^= std::byte{1};
    ASSERT_TRUE(device_->write(begin, block.span()).ok());
  }

 private:
  std::shared_ptr<store::Device> device_;
  std::unique_ptr<store::VolumeSet> volumes_;
  std::unique_ptr<store::VolumePool> pool_;
  std::unique_ptr<store::LogWriter> writer_;
};

inline std::string text_of(const store::LogBatch& batch) { return std::string(as_text(batch.records)); }

}  // namespace ciaos::test
