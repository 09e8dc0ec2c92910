// A directory store whose filesystem seems to share blocks: they are copied, so that tests of what is made of that run anywhere.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "store/volume_set.h"

namespace ciaos::test {

// What a test may ask for and look at; outlives the device.
struct Sharing {
  std::size_t ranges = 0;                           // that were shared
  Status answer;                                    // instead of sharing, if it is an error
  std::function<void(MutableByteSpan)> on_the_way;  // may change what is copied
};

class CopyingStoreDevice final : public store::StoreDevice {
 public:
  CopyingStoreDevice(std::unique_ptr<store::StoreDevice> real, Sharing& sharing)
      : real_(std::move(real)), sharing_(sharing) {}

  store::StoreKind kind() const override { return real_->kind(); }
  std::string name() const override { return real_->name(); }
  Result<store::Superblock> read_superblock() override { return real_->read_superblock(); }
  std::vector<Result<store::Superblock>> read_superblock_copies() override {
    return real_->read_superblock_copies();
  }
  Status write_superblock(const store::Superblock& superblock) override {
    return real_->write_superblock(superblock);
  }
  Result<std::shared_ptr<store::Device>> open_volume(std::uint32_t slot) override {
    return real_->open_volume(slot);
  }
  Result<std::shared_ptr<store::Device>> create_volume(std::uint32_t slot) override {
    return real_->create_volume(slot);
  }
  Status free_volume(std::uint32_t slot) override { return real_->free_volume(slot); }
  Result<std::vector<std::uint32_t>> existing_volumes() override { return real_->existing_volumes(); }
  Result<std::uint64_t> creatable_volumes() override { return real_->creatable_volumes(); }
  Status sync_all() override { return real_->sync_all(); }
  Result<std::uint64_t> capacity_bytes() override { return real_->capacity_bytes(); }
  Status begin_format(const store::Superblock& plan) override { return real_->begin_format(plan); }
  Result<UniqueFd> unnamed_file() override { return real_->unnamed_file(); }

  Status share(const store::Device& volume, const store::SharedRange& range, int file) override {
    if (!sharing_.answer.ok()) return sharing_.answer.error();
    EXPECT_TRUE(range.from % 4096 == 0 && range.bytes % 4096 == 0 && range.to % 4096 == 0);
    store::IoBuffer bytes(range.bytes);
    const ssize_t got =
        ::pread(volume.native_fd(), bytes.data(), bytes.size(), static_cast<off_t>(range.from));
    if (got != static_cast<ssize_t>(range.bytes)) return fail(EINVAL, "behind the end of a volume");
    if (sharing_.on_the_way) sharing_.on_the_way(bytes.span());
    if (::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(range.to)) != got) return fail(EIO);
    ++sharing_.ranges;
    return {};
  }

 private:
  const std::unique_ptr<store::StoreDevice> real_;
  Sharing& sharing_;
};

}  // namespace ciaos::test
