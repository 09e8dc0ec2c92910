#include "store/file_device.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <thread>

#include "store/format.h"
#include "store/uring.h"
#include "temp_directory.h"

namespace ciaos::store {
namespace {

constexpr std::uint64_t kFileBytes = 8u << 20;

IoBuffer pattern(std::size_t bytes, unsigned seed) {
  IoBuffer buffer(bytes);
  for (std::size_t i = 0; i < bytes; ++i)
    buffer.data()[i] = static_cast<std::byte>((i * 131 + i / 4096 + seed) & 0xFF);
  return buffer;
}

bool same(const IoBuffer& a, const IoBuffer& b) {
  return a.size() == b.size() && std::equal(a.span().begin(), a.span().end(), b.span().begin());
}

class FileDeviceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT, 0600));
    ASSERT_EQ(0, ::ftruncate(fd.get(), kFileBytes));
    auto opened = FileDevice::open(path, FileDevice::Access::read_write);
    ASSERT_TRUE(opened.ok()) << to_string(opened.error());
    device = std::move(*opened);
  }

  test::TempDirectory directory;
  const std::string path = directory / "file";
  std::unique_ptr<FileDevice> device;
};

TEST_F(FileDeviceTest, SaysItsSizeAndAnAlignmentABlockKeeps) {
  EXPECT_EQ(kFileBytes, device->size());
  EXPECT_EQ(0u, kBlockBytes % device->alignment());
  EXPECT_FALSE(device->is_block_device());
}

TEST_F(FileDeviceTest, ReadsBackWhatItWrote) {
  const IoBuffer written = pattern(1 << 20, 1);
  ASSERT_TRUE(device->write(kBlockBytes, written.span()).ok());
  ASSERT_TRUE(device->sync().ok());
  IoBuffer back(1 << 20);
  ASSERT_TRUE(device->read(kBlockBytes, back.span()).ok());
  EXPECT_TRUE(same(written, back));
}

TEST_F(FileDeviceTest, RegisteredMemoryReadsTheSame) {
  const IoBuffer written = pattern(1 << 20, 2);
  ASSERT_TRUE(device->write(0, written.span()).ok());
  // In a thread of its own, since a ring keeps what was registered with it.
  std::thread([&] {
    IoBuffer memory(1 << 20);
    register_memory(memory.span().first(512 << 10));
    // Inside of what is registered, across its end, and behind it.
    for (const std::size_t begin : {0u, 256u << 10, 384u << 10, 512u << 10, 768u << 10}) {
      const MutableByteSpan into = memory.span().subspan(begin, 256 << 10);
      std::ranges::fill(into, std::byte{0});
      ASSERT_TRUE(device->read(begin, into).ok());
      EXPECT_TRUE(std::ranges::equal(into, written.span().subspan(begin, 256 << 10))) << begin;
    }
  }).join();
}

TEST_F(FileDeviceTest, MoreRequestsThanARingHoldsAllEnd) {
  constexpr std::size_t kRequests = 300;
  std::vector<IoBuffer> buffers;
  std::vector<IoRequest> requests;
  for (std::size_t i = 0; i < kRequests; ++i) {
    buffers.push_back(pattern(kBlockBytes, static_cast<unsigned>(i)));
    requests.push_back({.device = device.get(),
                        .operation = IoRequest::Operation::write,
                        .offset = i * kBlockBytes,
                        .from = buffers.back().span()});
  }
  ASSERT_TRUE(run_all(requests).ok());
  ASSERT_TRUE(device->sync().ok());
  std::vector<IoBuffer> back;
  for (std::size_t i = 0; i < kRequests; ++i) {
    back.emplace_back(kBlockBytes);
    requests[i] = {.device = device.get(), .offset = i * kBlockBytes, .into = back.back().span()};
  }
  ASSERT_TRUE(run_all(requests).ok());
  for (std::size_t i = 0; i < kRequests; ++i) EXPECT_TRUE(same(buffers[i], back[i])) << i;
}

TEST_F(FileDeviceTest, ABadRequestFailsAloneInItsBatch) {
  IoBuffer block(kBlockBytes);
  IoRequest requests[] = {
      {.device = device.get(), .offset = kFileBytes, .into = block.span()},
      {.device = device.get(), .operation = IoRequest::Operation::sync},
  };
  EXPECT_EQ(EINVAL, run_all(requests).code());
  EXPECT_EQ(EINVAL, requests[0].status.code());
  EXPECT_TRUE(requests[1].status.ok());
}

TEST_F(FileDeviceTest, AFileThatShrankBelowItIsEio) {
  ASSERT_EQ(0, ::truncate(path.c_str(), kFileBytes / 2));
  IoBuffer block(2 * kBlockBytes);
  const Status status = device->read(kFileBytes / 2 - kBlockBytes, block.span());
  EXPECT_EQ(EIO, status.code());
  EXPECT_NE(std::string::npos, status.error().context.find(path)) << status.error().context;
  EXPECT_NE(std::string::npos, status.error().context.find("ends early")) << status.error().context;
}

TEST_F(FileDeviceTest, RefusalOfTheKernelIsEioWithItsReason) {
  auto reader = FileDevice::open(path, FileDevice::Access::read_only);
  ASSERT_TRUE(reader.ok());
  const IoBuffer block(kBlockBytes);
  const Status status = (*reader)->write(0, block.span());
  EXPECT_EQ(EIO, status.code());
  EXPECT_NE(std::string::npos, status.error().context.find("Bad file descriptor")) << status.error().context;
}

TEST_F(FileDeviceTest, DiscardedSpaceGoesBackAndTheSizeStays) {
  const IoBuffer written = pattern(1 << 20, 1);
  ASSERT_TRUE(device->write(0, written.span()).ok());
  ASSERT_TRUE(device->sync().ok());
  struct stat before {};
  ASSERT_EQ(0, ::stat(path.c_str(), &before));
  ASSERT_TRUE(device->discard(0, 1 << 20).ok());
  struct stat after {};
  ASSERT_EQ(0, ::stat(path.c_str(), &after));
  EXPECT_EQ(before.st_size, after.st_size);
  EXPECT_LE(after.st_blocks, before.st_blocks);
}

TEST_F(FileDeviceTest, MissingPathsAndDirectoriesAreRefusedByName) {
  const auto missing = FileDevice::open(directory / "nothing", FileDevice::Access::read_only);
  EXPECT_EQ(ENOENT, missing.code());
  EXPECT_NE(std::string::npos, missing.error().context.find("nothing"));
  EXPECT_EQ(EINVAL, FileDevice::open(directory.path(), FileDevice::Access::read_only).code());
}

TEST_F(FileDeviceTest, EveryThreadHasItsOwnRing) {
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 8; ++t) {
    threads.emplace_back([this, t] {
      const std::uint64_t begin = t * (kFileBytes / 8);
      for (unsigned round = 0; round < 20; ++round) {
        const IoBuffer written = pattern(64 * 1024, t * 20 + round);
        EXPECT_TRUE(device->write(begin, written.span()).ok());
        IoBuffer back(64 * 1024);
        EXPECT_TRUE(device->read(begin, back.span()).ok());
        EXPECT_TRUE(same(written, back));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(FileDeviceTest, AForkedChildMakesItsOwnRing) {
  const IoBuffer written = pattern(kBlockBytes, 5);
  ASSERT_TRUE(device->write(0, written.span()).ok());
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    IoBuffer back(kBlockBytes);
    const bool good = device->read(0, back.span()).ok() && same(written, back);
    ::_exit(good ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(child, ::waitpid(child, &status, 0));
  EXPECT_EQ(0, status);
  IoBuffer back(kBlockBytes);
  EXPECT_TRUE(device->read(0, back.span()).ok());
}

TEST_F(FileDeviceTest, PlainCallsServeWhereThereIsNoRing) {
  IoBuffer written = pattern(1 << 20, 9);
  IoBuffer back(1 << 20);
  const int fd = device->native_fd();
  const std::uint32_t alignment = device->alignment();
  FdStep steps[] = {
      {.operation = FdStep::Operation::write,
       .fd = fd,
       .data = written.data(),
       .bytes = 1 << 20,
       .alignment = alignment},
      {.operation = FdStep::Operation::sync_data, .fd = fd},
      {.operation = FdStep::Operation::read,
       .fd = fd,
       .data = back.data(),
       .bytes = 1 << 20,
       .alignment = alignment},
      {.operation = FdStep::Operation::read, .fd = -1, .data = back.data(), .bytes = kBlockBytes},
      {.operation = FdStep::Operation::read,
       .fd = fd,
       .offset = kFileBytes,
       .data = back.data(),
       .bytes = kBlockBytes},
  };
  run_steps_without_ring(steps);
  EXPECT_EQ(0, steps[0].error);
  EXPECT_EQ(0, steps[1].error);
  EXPECT_EQ(0, steps[2].error);
  EXPECT_TRUE(same(written, pattern(1 << 20, 9)));
  EXPECT_EQ(EBADF, steps[3].error);
  EXPECT_EQ(ENODATA, steps[4].error);
}

TEST(Uring, WorksHereOrSaysWhyNot) {
  const std::string reason = uring_unavailable_reason();
  if (!reason.empty()) GTEST_SKIP() << reason;
  EXPECT_EQ("", reason);
}

}  // namespace
}  // namespace ciaos::store
