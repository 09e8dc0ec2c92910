#include "store/chunk_queue.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "store/open_batch.h"

namespace ciaos::store {
namespace {

constexpr std::uint64_t kAll = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t kChunk = 4 * kBlockBytes;
const VolumeStart kVolume{VolumeId(3), Generation(1), nullptr};

void fill(const ChunkQueue::Slot& slot, std::size_t bytes, int value) {
  std::memset(slot.chunk->buffer.data() + slot.at, value, bytes);
}

std::vector<std::shared_ptr<Chunk>> take(ChunkQueue& queue, const ChunkQueue::Busy& zeros = {}) {
  return queue.take_ready(kAll, kAll, zeros);
}

int byte_at(const Chunk& chunk, std::size_t at) { return std::to_integer<int>(chunk.buffer.data()[at]); }

TEST(ChunkQueue, NothingIsReadyBeforeItIsSealed) {
  ChunkQueue queue(kChunk, 4 * kChunk);
  const auto slot = queue.reserve(kVolume, 0, 100);
  queue.complete(*slot.chunk);
  EXPECT_TRUE(take(queue).empty());
  EXPECT_EQ(queue.waiting_bytes(), 0u);
  queue.flush();
  EXPECT_EQ(queue.waiting_bytes(), kBlockBytes);
  EXPECT_EQ(take(queue).size(), 1u);
  EXPECT_TRUE(take(queue).empty());
}

TEST(ChunkQueue, FlushPadsWithZerosToTheBlockEvenInAReusedBuffer) {
  ChunkQueue queue(kChunk, 4 * kChunk);
  for (std::uint64_t round = 0; round < 3; ++round) {
    const std::uint64_t begin = round * kChunk;
    const auto first = queue.reserve(kVolume, begin, begin + 101);
    const auto second = queue.reserve(kVolume, begin + 104, begin + 5000);
    std::memset(first.chunk->buffer.data() + 5000, 0xEE, first.chunk->buffer.size() - 5000);
    fill(first, 101, 0xAA);
    fill(second, 5000 - 104, 0xBB);
    queue.complete(*first.chunk);
    queue.complete(*second.chunk);
    queue.flush();
    const auto chunks = take(queue);
    ASSERT_EQ(chunks.size(), 1u);
    EXPECT_EQ(chunks[0]->write_bytes, 2 * kBlockBytes);
    for (std::size_t at = 101; at < 104; ++at) EXPECT_EQ(byte_at(*chunks[0], at), 0);
    for (std::size_t at = 5000; at < 2 * kBlockBytes; ++at) ASSERT_EQ(byte_at(*chunks[0], at), 0);
    queue.finish(*chunks[0]);
  }
}

TEST(ChunkQueue, ChunkWaitsForItsNeedles) {
  ChunkQueue queue(kChunk, 4 * kChunk);
  const auto first = queue.reserve(kVolume, 0, 96);
  const auto second = queue.reserve(kVolume, 96, 200);
  queue.flush();
  queue.complete(*second.chunk);
  EXPECT_TRUE(take(queue).empty());
  queue.complete(*first.chunk);
  EXPECT_EQ(take(queue).size(), 1u);
}

TEST(ChunkQueue, ChunkWaitsForThoseBeforeIt) {
  ChunkQueue queue(kChunk, 4 * kChunk);
  const auto first = queue.reserve(kVolume, 0, 100);
  queue.flush();
  const auto second = queue.reserve(kVolume, kBlockBytes, kBlockBytes + 100);
  queue.flush();
  queue.complete(*second.chunk);
  EXPECT_TRUE(take(queue).empty());
  queue.complete(*first.chunk);
  const auto chunks = take(queue);
  ASSERT_EQ(chunks.size(), 2u);
  EXPECT_EQ(chunks[0], first.chunk);
}

TEST(ChunkQueue, ChunkIntoZerosUnderWayWaits) {
  ChunkQueue queue(kChunk, 4 * kChunk);
  const auto slot = queue.reserve(kVolume, 0, 2 * kBlockBytes);
  queue.complete(*slot.chunk);
  queue.flush();
  const VolumeId id = kVolume.volume;
  EXPECT_TRUE(take(queue, {{id, Generation(1), kBlockBytes}, 9 * kBlockBytes}).empty());
  EXPECT_EQ(take(queue, {{id, Generation(1), 2 * kBlockBytes}, 9 * kBlockBytes}).size(), 1u);
}

TEST(ChunkQueue, BlockIsCarriedToTheNextChunkAndWrittenOnce) {
  ChunkQueue queue(kChunk, 4 * kChunk);
  const std::uint64_t shared = 4 * kBlockBytes;  // the first needle ends inside of this block
  const auto first = queue.reserve(kVolume, 0, shared + 104);
  const auto second = queue.reserve(kVolume, shared + 104, shared + 104 + kChunk);
  ASSERT_NE(first.chunk, second.chunk);
  EXPECT_EQ(first.chunk->write_bytes, shared);
  EXPECT_EQ(second.chunk->begin, shared);
  fill(second, kChunk, 0x22);
  queue.complete(*second.chunk);
  queue.flush();
  EXPECT_TRUE(take(queue).empty()) << "the first needle is not there yet";
  fill(first, shared + 104, 0x11);
  queue.complete(*first.chunk);
  const auto chunks = take(queue);
  ASSERT_EQ(chunks.size(), 2u);
  EXPECT_EQ(byte_at(*second.chunk, 0), 0x11);
  EXPECT_EQ(byte_at(*second.chunk, 103), 0x11);
  EXPECT_EQ(byte_at(*second.chunk, 104), 0x22);
}

TEST(ChunkQueue, BlockIsCarriedThroughAChunkThatNeverLeavesIt) {
  ChunkQueue queue(kChunk, 4 * kChunk);
  const auto first = queue.reserve(kVolume, 0, 104);
  const std::uint64_t larger = 3 * kChunk;
  const auto second = queue.reserve(kVolume, 104, 104 + larger);
  const std::uint64_t end = 104 + larger;
  const auto third = queue.reserve(kVolume, align_up(end, 8), align_up(end, 8) + larger);
  EXPECT_EQ(first.chunk->write_bytes, 0u);
  fill(second, larger, 0x22);
  fill(third, larger, 0x33);
  queue.complete(*third.chunk);
  queue.complete(*second.chunk);
  fill(first, 104, 0x11);
  queue.complete(*first.chunk);
  queue.flush();
  EXPECT_EQ(take(queue).size(), 3u);
  EXPECT_EQ(byte_at(*second.chunk, 0), 0x11);
  EXPECT_EQ(byte_at(*second.chunk, 104), 0x22);
  EXPECT_EQ(byte_at(*third.chunk, 0), 0x22);
}

TEST(ChunkQueue, NeedleIsFoundUntilItsLastBlockIsWritten) {
  ChunkQueue queue(kChunk, 4 * kChunk);
  const VolumePosition begin{kVolume.volume, kVolume.generation, 0};
  const std::uint64_t end = 4 * kBlockBytes + 104;
  const auto first = queue.reserve(kVolume, 0, end);
  const auto second = queue.reserve(kVolume, end, end + kChunk);
  queue.complete(*first.chunk);
  queue.complete(*second.chunk);
  const auto before = take(queue);
  ASSERT_EQ(before.size(), 1u);
  queue.finish(*before[0]);
  EXPECT_EQ(queue.find(begin, end), first.chunk) << "its last block is in the second chunk";
  queue.flush();
  const auto rest = take(queue);
  ASSERT_EQ(rest.size(), 1u);
  queue.finish(*rest[0]);
  EXPECT_EQ(queue.find(begin, end), nullptr);
  EXPECT_TRUE(queue.all_written(kAll));
}

TEST(ChunkQueue, TakesAsManyAsItIsTold) {
  ChunkQueue queue(kChunk, 4 * kChunk);
  for (std::uint64_t i = 0; i < 5; ++i) {
    queue.complete(*queue.reserve(kVolume, i * kBlockBytes, i * kBlockBytes + 100).chunk);
    queue.flush();
  }
  EXPECT_EQ(queue.take_ready(3, kAll, {}).size(), 3u);
  EXPECT_EQ(queue.take_ready(kAll, 1, {}).size(), 1u);
  EXPECT_FALSE(queue.all_written(1));
}

TEST(OpenBatch, DigestGoesByWhereNeedlesLieAndNotByWhichEndedFirst) {
  const auto digest = [](const std::vector<std::size_t>& order) {
    ChunkQueue queue(kChunk, 4 * kChunk);
    OpenBatch batch;
    std::vector<OpenBatch::Ticket> tickets;
    for (std::uint64_t i = 0; i < 4; ++i) {
      const auto slot = queue.reserve(kVolume, i * 96, i * 96 + 90);
      fill(slot, 68, static_cast<int>(i));
      tickets.push_back(batch.add(kVolume, i * 96, i * 96 + 90, slot, 68));
    }
    for (const std::size_t i : order) batch.complete(tickets[i]);
    return batch.ranges();
  };
  const auto ranges = digest({0, 1, 2, 3});
  ASSERT_EQ(ranges.size(), 1u);
  EXPECT_EQ(ranges[0].begin, 0u);
  EXPECT_EQ(ranges[0].end, 3 * 96 + 90u);
  EXPECT_EQ(ranges[0].needles, 4u);
  EXPECT_EQ(digest({3, 1, 0, 2}), ranges);
}

}  // namespace
}  // namespace ciaos::store
