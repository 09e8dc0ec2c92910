#include "tools/mkfs/paper_device.h"

#include <sys/statvfs.h>

#include <filesystem>

namespace ciaos::mkfs {
namespace {

using store::Device;
using store::StoreKind;
using store::Superblock;

class PaperDevice final : public store::StoreDevice {
 public:
  explicit PaperDevice(const Target& target) : target_(target) {}

  StoreKind kind() const override { return target_.kind(); }
  std::string name() const override { return target_.path; }
  Result<std::uint64_t> capacity_bytes() override {
    if (kind() == StoreKind::raw) return target_.bytes;
    const std::string existing = target_.form == Target::Form::directory
                                     ? target_.path
                                     : std::filesystem::path(target_.path).parent_path().string();
    struct statvfs host {};
    if (::statvfs(existing.c_str(), &host) != 0) return fail(errno, existing);
    return std::uint64_t{host.f_bavail} * host.f_frsize;
  }

  Result<Superblock> read_superblock() override { return on_paper(); }
  std::vector<Result<Superblock>> read_superblock_copies() override { return {}; }
  Status write_superblock(const Superblock&) override { return on_paper(); }
  Result<std::shared_ptr<Device>> open_volume(std::uint32_t) override { return on_paper(); }
  Result<std::shared_ptr<Device>> create_volume(std::uint32_t) override { return on_paper(); }
  Status free_volume(std::uint32_t) override { return on_paper(); }
  Result<std::vector<std::uint32_t>> existing_volumes() override { return on_paper(); }
  Result<std::uint64_t> creatable_volumes() override { return on_paper(); }
  Status sync_all() override { return on_paper(); }
  Status begin_format(const Superblock&) override { return on_paper(); }

 private:
  Error on_paper() const { return fail(EROFS, target_.path + " is only planned"); }
  const Target target_;
};

}  // namespace

std::unique_ptr<store::StoreDevice> paper_device(const Target& target) {
  return std::make_unique<PaperDevice>(target);
}

}  // namespace ciaos::mkfs
