#include "store/superblock_copies.h"

namespace ciaos::store {

namespace {

Result<Superblock> read_copy(Device& device, std::uint64_t offset) {
  IoBuffer block(kBlockBytes);
  TRY_VOID(device.read(offset, block.span()));
  return decode_superblock(block.span());
}

Status write_block(Device& device, std::uint64_t offset, const IoBuffer& block) {
  TRY_VOID(device.write(offset, block.span()));
  return device.sync();
}

std::uint64_t worth(const Result<Superblock>& copy) { return copy.ok() ? copy->counter : 0; }

}  // namespace

std::vector<Result<Superblock>> read_copies(Device& device, const SuperblockPlaces& places) {
  std::vector<Result<Superblock>> copies;
  copies.push_back(read_copy(device, places.first));
  copies.push_back(read_copy(device, places.second));
  return copies;
}

Result<Superblock> newest_of(const std::vector<Result<Superblock>>& copies, const std::string& device_name) {
  const Result<Superblock>* best = nullptr;
  for (const Result<Superblock>& copy : copies) {
    if (copy.code() == ENOTSUP) return with_context(copy.error(), device_name);
    if (copy.ok() && (best == nullptr || copy->counter > (*best)->counter)) best = &copy;
  }
  if (best != nullptr) return *best;
  for (const int code : {EIO, EUCLEAN, ENODATA}) {
    for (const Result<Superblock>& copy : copies) {
      if (copy.code() == code) return with_context(copy.error(), device_name);
    }
  }
  return with_context(copies.front().error(), device_name);
}

Status write_copies(Device& device, const SuperblockPlaces& places, const Superblock& superblock) {
  IoBuffer block(kBlockBytes);
  encode_superblock(superblock, block.span());
  const std::vector<Result<Superblock>> old = read_copies(device, places);
  const bool second_is_worse = worth(old[1]) < worth(old[0]);
  TRY_VOID(write_block(device, second_is_worse ? places.second : places.first, block));
  return write_block(device, second_is_worse ? places.first : places.second, block);
}

Status wipe_copies(Device& device, const SuperblockPlaces& places) {
  const IoBuffer zeros(kBlockBytes);
  TRY_VOID(write_block(device, places.first, zeros));
  return write_block(device, places.second, zeros);
}

}  // namespace ciaos::store
