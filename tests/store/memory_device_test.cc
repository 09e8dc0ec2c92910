#include "store/memory_device.h"

#include <gtest/gtest.h>

#include "store/format.h"

namespace ciaos::store {
namespace {

ByteVector pattern(std::size_t bytes, unsigned char first) {
  ByteVector out(bytes);
  for (std::size_t i = 0; i < bytes; ++i) out[i] = static_cast<std::byte>(first + i % 251);
  return out;
}

TEST(MemoryDevice, ReadsWhatWasWrittenAndZerosElsewhere) {
  MemoryDevice device(1 << 20);
  const ByteVector bytes = pattern(1024, 7);
  ASSERT_TRUE(device.write(512, bytes).ok());
  ByteVector back(2048);
  ASSERT_TRUE(device.read(0, back).ok());
  EXPECT_EQ(ByteVector(512), ByteVector(back.begin(), back.begin() + 512));
  EXPECT_EQ(bytes, ByteVector(back.begin() + 512, back.begin() + 1536));
  EXPECT_EQ(ByteVector(512), ByteVector(back.begin() + 1536, back.end()));
}

TEST(MemoryDevice, RefusesRangesOutsideAndOffAlignment) {
  MemoryDevice device(1 << 20);
  ByteVector bytes(1024);
  EXPECT_EQ(EINVAL, device.read((1 << 20) - 512, bytes).code());
  EXPECT_EQ(EINVAL, device.write(~0ull - 511, bytes).code());
  EXPECT_EQ(EINVAL, device.read(1, bytes).code());
  EXPECT_EQ(EINVAL, device.write(0, ByteSpan(bytes).first(100)).code());
  EXPECT_EQ(EINVAL, device.discard(1 << 20, 512).code());
}

TEST(MemoryDevice, DiscardForgetsExactlyItsRange) {
  MemoryDevice device(64 * 1024);
  const ByteVector full(64 * 1024, std::byte{0xAB});
  for (const auto& [offset, bytes] : {std::pair<std::uint64_t, std::uint64_t>{512, 1024}, {3584, 20480}}) {
    ASSERT_TRUE(device.write(0, full).ok());
    ASSERT_TRUE(device.discard(offset, bytes).ok());
    ByteVector expected = full;
    std::fill_n(expected.begin() + static_cast<std::ptrdiff_t>(offset), bytes, std::byte{0});
    ByteVector back(full.size());
    ASSERT_TRUE(device.read(0, back).ok());
    EXPECT_EQ(expected, back) << offset << "+" << bytes;
  }
}

TEST(IoBuffer, IsAlignedAndZeroed) {
  IoBuffer buffer(5000);
  EXPECT_EQ(0u, reinterpret_cast<std::uintptr_t>(buffer.data()) % kBlockBytes);
  for (std::byte b : buffer.span()) EXPECT_EQ(std::byte{0}, b);
  EXPECT_EQ(0u, IoBuffer().size());
}

TEST(RunAll, RunsEveryRequestAndReturnsTheFirstError) {
  MemoryDevice device(1 << 20);
  const ByteVector bytes = pattern(512, 3);
  ByteVector back(512);
  ASSERT_TRUE(device.write(1024, bytes).ok());
  IoRequest requests[] = {
      {.device = &device, .operation = IoRequest::Operation::write, .offset = 0, .from = bytes},
      {.device = &device, .operation = IoRequest::Operation::write, .offset = 1, .from = bytes},
      {.device = &device, .operation = IoRequest::Operation::read, .offset = 1024, .into = back},
      {.device = &device, .operation = IoRequest::Operation::sync},
  };
  EXPECT_EQ(EINVAL, run_all(requests).code());
  EXPECT_TRUE(requests[0].status.ok());
  EXPECT_EQ(EINVAL, requests[1].status.code());
  EXPECT_TRUE(requests[2].status.ok());
  EXPECT_TRUE(requests[3].status.ok());
  EXPECT_EQ(bytes, back);
}

}  // namespace
}  // namespace ciaos::store
