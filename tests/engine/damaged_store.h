// A store whose bytes change behind the engine's back.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

#include "store/format.h"
#include "support/engine_fixture.h"

namespace ciaos::test {

inline constexpr StoreShape kDamagedShape{.volumes = 10};

class Damage : public EngineTest {
 protected:
  Damage() : EngineTest(kDamagedShape) {}

  // Where on the device these bytes lie, all copies of them.
  std::vector<std::uint64_t> find(std::string_view needle) {
    const ByteVector bytes = store.device_bytes();
    const std::string_view all = as_text(bytes);
    std::vector<std::uint64_t> found;
    for (std::size_t at = all.find(needle); at != std::string_view::npos; at = all.find(needle, at + 1)) {
      found.push_back(at);
    }
    return found;
  }
  void overwrite(std::uint64_t offset, std::string_view bytes) {
    const std::uint64_t begin = align_down(offset, store::kBlockBytes);
    const std::uint64_t end = align_up(offset + bytes.size(), store::kBlockBytes);
    store::IoBuffer blocks(end - begin);
    ASSERT_TRUE(store.device().read(begin, blocks.span()).ok());
    std::copy(as_bytes(bytes).begin(), as_bytes(bytes).end(), blocks.data() + (offset - begin));
    ASSERT_TRUE(store.device().write(begin, blocks.span()).ok());
  }
  void flip(std::uint64_t offset, unsigned bit) {
    store::IoBuffer block(store::kBlockBytes);
    const std::uint64_t begin = align_down(offset, store::kBlockBytes);
    ASSERT_TRUE(store.device().read(begin, block.span()).ok());
    block.data()[offset - begin] ^= std::byte{1} << bit;
    ASSERT_TRUE(store.device().write(begin, block.span()).ok());
  }
  int read_code(std::string_view path, std::uint64_t offset, std::size_t bytes) {
    ByteVector into(bytes);
    return store->read(shell().inode(path), offset, into).code();
  }
};

}  // namespace ciaos::test
