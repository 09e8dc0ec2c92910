#include "engine/piece_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "engine/write_buffer.h"

namespace ciaos::engine {
namespace {

constexpr std::size_t kKib = 1024;

ByteVector pattern(std::size_t bytes) {
  ByteVector out(bytes);
  for (std::size_t i = 0; i < bytes; ++i) out[i] = static_cast<std::byte>(i * 7 + i / 251);
  return out;
}

TEST(PieceMemory, ABlockThatIsGivenBackIsTheNextOneTaken) {
  PieceMemory memory(1024 * kKib);
  PieceMemory::Block first = memory.take(100 * kKib);
  EXPECT_EQ(first.bytes, 128 * kKib);
  const std::byte* const place = first.data.get();
  memory.give(std::move(first));
  EXPECT_EQ(memory.kept_bytes(), 128 * kKib);
  const PieceMemory::Block second = memory.take(128 * kKib);
  EXPECT_EQ(second.data.get(), place);
  EXPECT_EQ(memory.kept_bytes(), 0u);
}

TEST(PieceMemory, KeepsNoMoreThanItsBound) {
  PieceMemory memory(256 * kKib);
  std::vector<PieceMemory::Block> blocks;
  for (int i = 0; i < 5; ++i) blocks.push_back(memory.take(128 * kKib));
  for (PieceMemory::Block& block : blocks) memory.give(std::move(block));
  EXPECT_EQ(memory.kept_bytes(), 256 * kKib);
}

TEST(PieceMemory, SmallAndHugeBlocksAreNotKept) {
  PieceMemory memory(64 * 1024 * kKib);
  for (const std::size_t bytes : {1 * kKib, 63 * kKib, 4096 * kKib}) {
    PieceMemory::Block block = memory.take(bytes);
    EXPECT_GE(block.bytes, bytes);
    memory.give(std::move(block));
  }
  EXPECT_EQ(memory.kept_bytes(), 0u);
}

TEST(PieceBytes, KeepWhatWasAppendedAsTheyGrow) {
  PieceMemory memory(1024 * kKib);
  const ByteVector all = pattern(300 * kKib);
  PieceBytes bytes(memory, ByteSpan(all).first(1));
  for (std::size_t at = 1; at < all.size();) {
    const std::size_t count = std::min<std::size_t>(all.size() - at, 1 + at / 3);
    bytes.append(ByteSpan(all).subspan(at, count));
    at += count;
  }
  EXPECT_TRUE(std::ranges::equal(bytes.span(), all));
}

TEST(WriteBuffer, DiscardingTheMiddleOfAPieceLeavesBothEnds) {
  PieceMemory memory(1024 * kKib);
  const ByteVector all = pattern(200 * kKib);
  WriteBuffer buffer;
  buffer.write(1000, all, 1024 * kKib, memory);
  buffer.discard(2000, 100000);
  EXPECT_EQ(buffer.bytes(), 1000 + 1000 + all.size() - 100000);
  const WriteBuffer::TakenPiece head = buffer.take_first();
  EXPECT_EQ(head.offset, 1000u);
  EXPECT_TRUE(std::ranges::equal(head.bytes.span(), ByteSpan(all).first(1000)));
  const WriteBuffer::TakenPiece rest = buffer.take_first();
  EXPECT_EQ(rest.offset, 100000u);
  EXPECT_TRUE(std::ranges::equal(rest.bytes.span(), ByteSpan(all).subspan(99000)));
  EXPECT_TRUE(buffer.empty());
}

}  // namespace
}  // namespace ciaos::engine
